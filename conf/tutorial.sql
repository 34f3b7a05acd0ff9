CREATE TABLE posts (
    id     INTEGER PRIMARY KEY,
    title  TEXT NOT NULL UNIQUE,
    text   TEXT NOT NULL,
    owner  TEXT,
    editor TEXT
);
CREATE TABLE visits (page TEXT PRIMARY KEY, n INTEGER NOT NULL);
