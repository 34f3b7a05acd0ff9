-- The team blog (conf/blog.conf). A new database begins here; conf/blog/migrations
-- brings an older one up to date.

CREATE TABLE users (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 2 AND 30),
    password  TEXT NOT NULL,
    created   INTEGER NOT NULL DEFAULT (unixepoch()),
    api_key   TEXT                         -- SHA-256 of the key, hexadecimal
) STRICT;
CREATE UNIQUE INDEX users_by_key ON users (api_key);

CREATE TABLE posts (
    id        INTEGER PRIMARY KEY,
    author    INTEGER NOT NULL REFERENCES users,
    title     TEXT NOT NULL CHECK (length(trim(title)) BETWEEN 1 AND 200),
    text      TEXT NOT NULL CHECK (length(trim(text)) BETWEEN 1 AND 100000),
    image     TEXT,                        -- a file under data/uploads
    created   INTEGER NOT NULL DEFAULT (unixepoch()),
    updated   INTEGER NOT NULL DEFAULT (unixepoch()),
    published INTEGER                      -- NULL: a draft
) STRICT;
CREATE INDEX posts_by_time ON posts (published DESC, id DESC);
CREATE INDEX posts_by_author ON posts (author, id DESC);

CREATE TABLE comments (
    id        INTEGER PRIMARY KEY,
    post      INTEGER NOT NULL REFERENCES posts ON DELETE CASCADE,
    author    INTEGER NOT NULL REFERENCES users,
    text      TEXT NOT NULL CHECK (length(trim(text)) BETWEEN 1 AND 5000),
    created   INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;
CREATE INDEX comments_by_post ON comments (post, id);

CREATE TABLE tags (
    post      INTEGER NOT NULL REFERENCES posts ON DELETE CASCADE,
    tag       TEXT NOT NULL CHECK (length(tag) BETWEEN 1 AND 40),
    PRIMARY KEY (post, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag, post);

CREATE VIRTUAL TABLE search USING fts5 (
    title, text, content = 'posts', content_rowid = 'id', tokenize = 'porter unicode61'
);
CREATE TRIGGER posts_added AFTER INSERT ON posts BEGIN
    INSERT INTO search (rowid, title, text) VALUES (new.id, new.title, new.text);
END;
CREATE TRIGGER posts_removed AFTER DELETE ON posts BEGIN
    INSERT INTO search (search, rowid, title, text)
    VALUES ('delete', old.id, old.title, old.text);
END;
CREATE TRIGGER posts_changed AFTER UPDATE OF title, text ON posts BEGIN
    INSERT INTO search (search, rowid, title, text)
    VALUES ('delete', old.id, old.title, old.text);
    INSERT INTO search (rowid, title, text) VALUES (new.id, new.title, new.text);
END;
