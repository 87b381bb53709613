create extension if not exists vector;
create extension if not exists unaccent;

-- unaccent() is only stable because its dictionary could be replaced; ours never is, and a
-- generated column needs an immutable expression.
create function registry_text_vector(title text, description text, tags text[]) returns tsvector
    language sql immutable parallel safe
    return setweight(to_tsvector('english'::regconfig, public.unaccent('public.unaccent'::regdictionary, title)), 'A')
        || setweight(to_tsvector('english'::regconfig, public.unaccent('public.unaccent'::regdictionary, array_to_string(tags, ' '))), 'B')
        || setweight(to_tsvector('english'::regconfig, public.unaccent('public.unaccent'::regdictionary, left(description, 100000))), 'C');
