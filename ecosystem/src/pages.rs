//! The pages in docs/ that are written from the code here: a table of what the tests find out, the
//! adapters of the event loops, and what programs that come from other crates write instead.
//!
//! In a page, a block stands between lines `<!-- name:begin -->` and `<!-- name:end -->`.

use crate::{coming_from, table};
use std::fmt::Write;
use std::path::Path;

/// A name, and what stands in the block.
type Block = (&'static str, String);

macro_rules! loops {
    ($($name:literal)*) => {
        vec![$(($name, adapter(include_str!(concat!("loops/", $name, ".rs"))))),*]
    };
}

fn pages() -> [(&'static str, Vec<Block>); 7] {
    let loops = loops! {
        "async_io" "calloop" "glommio" "mio" "monoio" "polling" "smol" "tokio"
    };
    let next = shown(include_str!("coming_from/tokio.rs"));
    let rows = |peer| vec![("rows", coming_from::markdown(peer))];
    [
        ("with-others.md", vec![("table", table::markdown())]),
        ("event-loops.md", loops),
        ("coming-from/ctrlc.md", rows(&coming_from::ctrlc::PEER)),
        ("coming-from/libc.md", rows(&coming_from::libc::PEER)),
        ("coming-from/nix.md", rows(&coming_from::nix::PEER)),
        ("coming-from/signal-hook.md", rows(&coming_from::signal_hook::PEER)),
        ("coming-from/tokio.md", [vec![("next", next)], rows(&coming_from::tokio::PEER)].concat()),
    ]
}

/// Adapters have less than ten lines.
fn adapter(source: &str) -> String {
    let shown = shown(source);
    assert!(shown.lines().count() - 2 < 10, "too long: {shown}");
    shown
}

/// The lines between the markers `shown` of a source file, as Markdown.
fn shown(source: &str) -> String {
    let lines = source.lines().skip_while(|line| line.trim() != "// shown:begin").skip(1);
    let lines: Vec<_> = lines.take_while(|line| line.trim() != "// shown:end").collect();
    fenced(&lines)
}

/// Code without what it is indented by.
pub fn fenced(lines: &[&str]) -> String {
    let depth = |line: &&&str| line.len() - line.trim_start().len();
    let indent = lines.iter().filter(|line| !line.is_empty()).map(|l| depth(&l)).min();
    let mut text = String::from("```rust\n");
    for line in lines {
        writeln!(text, "{}", line.get(indent.unwrap_or(0)..).unwrap_or("")).unwrap();
    }
    text + "```\n"
}

/// The page with its blocks as they should be.
fn wanted(page: &str, blocks: &[Block]) -> Result<String, String> {
    let mut text = page.to_owned();
    for (name, block) in blocks {
        let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->\n"));
        let missing = || format!("has no block {name}");
        let (head, rest) = text.split_once(&begin).ok_or_else(missing)?;
        let (_, tail) = rest.split_once(&end).ok_or_else(missing)?;
        text = [head, &begin, block, &end, tail].concat();
    }
    Ok(text)
}

/// Compares the pages with the code, or writes them. What is wrong, if anything.
pub fn check(write: bool) -> Result<(), String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut wrong = String::new();
    for (name, blocks) in pages() {
        let fault = |what: String| format!("docs/{name}: {what}\n");
        let path = docs.join(name);
        let page = std::fs::read_to_string(&path).map_err(|error| fault(error.to_string()))?;
        let wanted = wanted(&page, &blocks).map_err(fault)?;
        if write {
            std::fs::write(&path, wanted).map_err(|error| fault(error.to_string()))?;
        } else if let Some((line, _)) =
            wanted.lines().zip(page.lines()).enumerate().find(|(_, (one, two))| one != two)
        {
            wrong += &fault(format!("line {} is not what the code says", line + 1));
        } else if wanted != page {
            wrong += &fault("is not what the code says".into());
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong)
    }
}
