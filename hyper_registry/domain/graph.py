"""What can be asked about the graph of relationships, and what it answers."""

from pydantic import BaseModel, ConfigDict

from hyper_registry.domain.identifiers import EntryId, RelationshipId
from hyper_registry.domain.relationship import Direction


class PathEntry(BaseModel):
    """An entry that a path passes."""

    model_config = ConfigDict(frozen=True)

    entry_id: EntryId
    title: str
    category: str


class PathLink(BaseModel):
    """The relationship by which a path comes from one entry to the next.

    Attributes
    ----------
    direction
        ``out`` where the path goes from source to target, ``in`` where it goes against it.
    """

    model_config = ConfigDict(frozen=True)

    relationship_id: RelationshipId
    source_id: EntryId
    target_id: EntryId
    rel_type: str
    weight: float
    bidirectional: bool
    direction: Direction


class PathAnswer(BaseModel):
    """A shortest path between two entries, over entries that the caller may see.

    Attributes
    ----------
    hops
        Length of the path; None if there is none.
    complete
        False if the search ended early: then a path may exist although none was found.
    entries
        From the source to the target, ``hops + 1`` of them; empty if there is no path.
    links
        ``links[i]`` leads from ``entries[i]`` to ``entries[i + 1]``. Where several relationships
        do, the one that points along the path and is the oldest.
    """

    model_config = ConfigDict(frozen=True)

    found: bool
    complete: bool
    hops: int | None
    entries: tuple[PathEntry, ...]
    links: tuple[PathLink, ...]


class Centrality(BaseModel):
    """How central an entry is among the entries that the caller may see.

    The measures are those of networkx on the undirected simple graph, in which two entries are
    neighbours if any relationship joins them.

    Attributes
    ----------
    degree_centrality
        Neighbours, as a share of the other entries.
    in_degree, out_degree
        Relationships that end and that start at the entry.
    betweenness_centrality
        Share of the shortest paths between other entries that pass this one.
    betweenness_error
        0 when exact; else the largest error that 90% of such estimates have, for all entries at
        once.
    closeness_centrality
        Inverse mean distance to the entries within reach, times their share of the others.
    component_size
        Entries that a path joins with this one, itself included.
    nodes, edges
        Size of the graph: entries, and pairs of them that are neighbours.
    """

    model_config = ConfigDict(frozen=True)

    entry_id: EntryId
    degree_centrality: float
    in_degree: int
    out_degree: int
    betweenness_centrality: float
    betweenness_error: float
    closeness_centrality: float
    component_size: int
    nodes: int
    edges: int
