-- Keys for the JSON API.
ALTER TABLE users ADD COLUMN api_key TEXT;
CREATE UNIQUE INDEX users_by_key ON users (api_key);
