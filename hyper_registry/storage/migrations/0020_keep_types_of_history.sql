-- A version of a relationship tells its type by number: without it, it cannot be shown. Not valid,
-- as types may have been deleted before, whose versions are lost to sight already.
alter table relationship_history
    add constraint relationship_history_type_id_fkey
        foreign key (type_id) references relationship_type (type_id) not valid;
