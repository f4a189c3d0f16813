//! Who waits for whom: the order in which services start, cycles, and a picture.

use crate::config::{Lines, Problem, Services};
use petgraph::algo::kosaraju_scc;
use petgraph::dot::{Config, Dot};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::DfsPostOrder;

/// Whether it is only an order (`after`).
type Soft = bool;
type Graph<'a> = DiGraph<&'a str, Soft>;

/// So many members of a cycle are told.
const MEMBERS: usize = 20;

/// An edge leads from a service to one that it waits for. Nodes stand in the order of the file;
/// names that are unknown are left out.
fn graph(services: &Services) -> Graph<'_> {
    let mut graph = Graph::new();
    let nodes: Vec<_> = services.keys().map(|name| graph.add_node(name.as_str())).collect();
    for (from, service) in services.values().enumerate() {
        for (names, soft) in [(&service.requires, false), (&service.after, true)] {
            for to in names.iter().filter_map(|name| services.get_index_of(name)) {
                graph.add_edge(nodes[from], nodes[to], soft);
            }
        }
    }
    graph
}

/// Each name after those that it waits for, otherwise as in the file.
pub fn start_order(services: &Services) -> Vec<String> {
    let graph = graph(services);
    let mut order = Vec::new();
    let mut search = DfsPostOrder::empty(&graph);
    for node in graph.node_indices() {
        search.move_to(node);
        while let Some(node) = search.next(&graph) {
            order.push(graph[node].to_owned());
        }
    }
    order
}

/// The services for Graphviz.
pub fn dot(services: &Services) -> String {
    let graph = graph(services);
    let attributes = |_: &Graph<'_>, (_, name): (_, &&str)| match services.get(*name) {
        Some(service) if service.optional => format!("label = {name:?} style = dashed"),
        _ => format!("label = {name:?}"),
    };
    let soft = |_: &Graph<'_>, edge: petgraph::graph::EdgeReference<'_, Soft>| {
        if *edge.weight() {
            "style = dotted".to_owned()
        } else {
            String::new()
        }
    };
    let config = [Config::EdgeNoLabel, Config::NodeNoLabel];
    format!("{:?}", Dot::with_attr_getters(&graph, &config, &soft, &attributes))
}

/// Requirements that cannot be met.
pub fn problems(services: &Services, lines: &Lines) -> Vec<Problem> {
    let mut problems = Vec::new();
    for ((name, required), place) in &lines.requires {
        if !lines.service.contains_key(required) {
            let message = format!("service `{name}` waits for `{required}`, which does not exist");
            problems.push(Problem { place: Some(place.clone()), message });
        }
    }
    let graph = graph(services);
    for mut members in kosaraju_scc(&graph) {
        members.sort();
        problems.extend(cycle(&graph, &members, lines));
    }
    problems
}

/// The members wait for each other, if they are more than one service.
fn cycle(graph: &Graph<'_>, members: &[NodeIndex], lines: &Lines) -> Option<Problem> {
    let inside = members.iter().flat_map(|from| {
        let mut to: Vec<_> = graph.neighbors(*from).collect();
        to.reverse();
        to.into_iter().map(move |to| (*from, to))
    });
    let mut inside = inside.filter(|(_, to)| members.binary_search(to).is_ok()).peekable();
    let (first, required) = *inside.peek()?;
    let place = lines.requires.get(&(graph[first].to_owned(), graph[required].to_owned()));
    let step = |(from, to): (NodeIndex, NodeIndex)| {
        let soft = graph.find_edge(from, to).is_some_and(|edge| graph[edge]);
        let word = if soft { "comes after" } else { "requires" };
        format!("`{}` {word} `{}`", graph[from], graph[to])
    };
    let mut steps: Vec<String> = inside.by_ref().take(MEMBERS).map(step).collect();
    if inside.next().is_some() {
        steps.push(format!("and so on, {} services in all", members.len()));
    }
    Some(Problem { place: place.cloned(), message: format!("cycle: {}", steps.join(", ")) })
}
