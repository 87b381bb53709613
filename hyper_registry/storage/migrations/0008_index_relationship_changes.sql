-- Graphs held in memory read what changed since their snapshot before each answer.
create index relationship_change_xid on relationship (change_xid);
