//! Who waits for whom, by position.

use crate::service::Service;
use indexmap::IndexMap;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::Direction;

/// How one service stands to another that it waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Need {
    /// It must be ready (`requires`).
    Hard,
    /// If it starts too, it comes first (`after`).
    Soft,
}

/// An edge leads from a service to one that it waits for.
pub struct Links {
    graph: DiGraph<(), Need>,
    /// A reload can turn requirements round under what runs.
    pub cyclic: bool,
}

impl Links {
    pub fn new(services: &IndexMap<String, Service>) -> Links {
        let mut graph = DiGraph::with_capacity(services.len(), services.len());
        for _ in services.keys() {
            graph.add_node(());
        }
        for (from, service) in services.values().enumerate() {
            let config = service.config();
            for (names, need) in [(&config.requires, Need::Hard), (&config.after, Need::Soft)] {
                for to in names.iter().filter_map(|name| services.get_index_of(name)) {
                    graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), need);
                }
            }
        }
        let cyclic = toposort(&graph, None).is_err();
        Links { graph, cyclic }
    }

    /// What a service waits for.
    pub fn needs(&self, index: usize) -> impl Iterator<Item = (usize, Need)> + '_ {
        self.edges(index, Direction::Outgoing)
    }

    /// Who waits for a service.
    pub fn needed_by(&self, index: usize) -> impl Iterator<Item = (usize, Need)> + '_ {
        self.edges(index, Direction::Incoming)
    }

    fn edges(&self, index: usize, way: Direction) -> impl Iterator<Item = (usize, Need)> + '_ {
        let mut edges = self.graph.neighbors_directed(NodeIndex::new(index), way).detach();
        std::iter::from_fn(move || {
            let (edge, node) = edges.next(&self.graph)?;
            Some((node.index(), self.graph[edge]))
        })
    }

    /// A service and all that hard edges lead to, or from, it.
    pub fn closure(&self, index: usize, way: Direction) -> Vec<usize> {
        let mut seen = vec![false; self.graph.node_count()];
        seen[index] = true;
        let mut found = vec![index];
        let mut done = 0;
        while let Some(index) = found.get(done).copied() {
            // The edge that was added last comes first.
            let from = found.len();
            for (next, need) in self.edges(index, way) {
                if need == Need::Hard && !std::mem::replace(&mut seen[next], true) {
                    found.push(next);
                }
            }
            found[from..].reverse();
            done += 1;
        }
        found
    }
}
