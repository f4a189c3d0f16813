//! Who requires whom: the order in which services start, cycles, and a picture.

use crate::config::{Lines, Problem, Services};
use petgraph::algo::tarjan_scc;
use petgraph::dot::{Config, Dot};
use petgraph::graph::DiGraph;

type Graph<'a> = DiGraph<&'a str, ()>;

/// An edge leads from a service to one that it requires. Nodes stand in the order of the file;
/// names that are unknown are left out.
fn graph(services: &Services) -> Graph<'_> {
    let mut graph = Graph::new();
    let nodes: Vec<_> = services.keys().map(|name| graph.add_node(name.as_str())).collect();
    for (from, service) in services.values().enumerate() {
        // Tarjan's algorithm follows the edge that was added last first.
        for required in service.requires.iter().rev() {
            if let Some(to) = services.get_index_of(required) {
                graph.add_edge(nodes[from], nodes[to], ());
            }
        }
    }
    graph
}

/// Each name after those that it requires, otherwise as in the file.
pub fn start_order(services: &Services) -> Vec<String> {
    // The components come in this very order; without cycles each is one service.
    let graph = graph(services);
    tarjan_scc(&graph).into_iter().flatten().map(|node| graph[node].to_owned()).collect()
}

/// The services for Graphviz.
pub fn dot(services: &Services) -> String {
    let graph = graph(services);
    let attributes = |_: &Graph<'_>, (_, name): (_, &&str)| match services.get(*name) {
        Some(service) if service.optional => format!("label = {name:?} style = dashed"),
        _ => format!("label = {name:?}"),
    };
    let config = [Config::EdgeNoLabel, Config::NodeNoLabel];
    format!("{:?}", Dot::with_attr_getters(&graph, &config, &|_, _| String::new(), &attributes))
}

/// Requirements that cannot be met.
pub fn problems(services: &Services, lines: &Lines) -> Vec<Problem> {
    let mut problems = Vec::new();
    for ((name, required), line) in &lines.requires {
        if !lines.service.contains_key(required) {
            let message = format!("service `{name}` requires `{required}`, which does not exist");
            problems.push(Problem { line: Some(*line), message });
        }
    }
    let graph = graph(services);
    for mut members in tarjan_scc(&graph) {
        members.sort();
        let inside: Vec<(&str, &str)> = members
            .iter()
            .flat_map(|from| members.iter().map(move |to| (*from, *to)))
            .filter(|(from, to)| graph.contains_edge(*from, *to))
            .map(|(from, to)| (graph[from], graph[to]))
            .collect();
        let Some((first, required)) = inside.first() else { continue };
        let steps: Vec<String> =
            inside.iter().map(|(from, to)| format!("`{from}` requires `{to}`")).collect();
        let line = lines.requires.get(&((*first).to_owned(), (*required).to_owned())).copied();
        problems.push(Problem { line, message: format!("cycle: {}", steps.join(", ")) });
    }
    problems
}
