// Looks words up in what rustdoc has made, with its own search, and prints for each the items that
// have it as their name or as an alias: search.js FOLDER CRATE WORD...
"use strict";
const fs = require("fs");
const path = require("path");
const [folder, krate, ...words] = process.argv.slice(2);
const statics = path.resolve(folder, "static.files");

const file = (name) => fs.readdirSync(statics).find((file) => file.startsWith(`${name}-`));
const load = (name) => require(path.join(statics, file(name)));
const run = (...parts) =>
    (0, eval)(fs.readFileSync(path.join(folder, "search.index", ...parts) + ".js", "utf8"));

// What the page's own scripts give to the search.
globalThis.nonnull = (value) => value;

async function main() {
    const { Stringdex, RoaringBitmap } = load("stringdex");
    const { docSearch, DocSearch } = await load("search").initSearch(Stringdex, RoaringBitmap, {
        loadRoot: (callbacks) => {
            Object.assign(globalThis, callbacks);
            run("root");
        },
        loadTreeByHash: (hash) => run(hash),
        loadDataByNameAndHash: (name, hash) => run(name, hash),
    });
    for (const word of words) {
        const results = await docSearch.execQuery(DocSearch.parseQuery(word), null, krate);
        const found = [];
        for await (const { alias, item, href } of results.others) {
            if ((alias || item.name).toLowerCase() === word.toLowerCase()) {
                found.push(href.replace(/^(\.\.\/)*/, ""));
            }
        }
        console.log([word, ...found].join(" "));
    }
}

main();
