"""DAV: every method on files and folders, with good and bad Destination, Depth and Overwrite."""

from ..dsl import get, group, post

F = {"html/index.html": "index\n", "html/a.txt": "0123456789" * 3, "html/d/index.html": "d\n",
     "html/d/b.txt": "b"}

group("dav-more", server=r"""
root html; dav_methods PUT DELETE MKCOL COPY MOVE; create_full_put_path on; dav_access user:rw group:r all:r; client_body_temp_path tmp; min_delete_depth 1;
location /no/ { alias html/; dav_methods off; }
location /lim/ { alias html/lim/; client_max_body_size 5; }
location /del/ { alias html/; min_delete_depth 3; }
location /nofull/ { alias html/nf/; create_full_put_path off; }
""", files=F, requests=[
  post("/new.txt", "hello", method="PUT"), get("/new.txt"), post("/new.txt", "again", method="PUT"), get("/new.txt"), post("/p/q/r.txt", "deep", method="PUT"), get("/p/q/r.txt"), post("/dir/", "x", method="PUT"), post("/lim/a", "1234567", method="PUT"), post("/lim/a", "123", method="PUT"), post("/nofull/x/y", "1", method="PUT"),
  get("/col", method="MKCOL"), get("/col/", method="MKCOL"), get("/col/", method="MKCOL"), get("/x/y/z/", method="MKCOL"), post("/col2/", "body", method="MKCOL"),
  get("/new.txt", "Destination: /copy.txt", method="COPY"), get("/copy.txt"), get("/new.txt", "Destination: http://localhost/copy2.txt", method="COPY"), get("/new.txt", "Destination: http://other/copy3.txt", method="COPY"), get("/new.txt", "Destination: copy4", method="COPY"), get("/new.txt", method="COPY"), get("/new.txt", "Destination: /copy.txt", "Overwrite: F", method="COPY"), get("/new.txt", "Destination: /copy.txt", "Overwrite: X", method="COPY"),
  get("/p/", "Destination: /pcopy/", method="COPY"), get("/pcopy/q/r.txt"), get("/p", "Destination: /pcopy2", method="COPY"), get("/p/", "Destination: /pcopy3", method="COPY"), get("/p/", "Destination: /pc4/", "Depth: 0", method="COPY"), get("/pc4/q/r.txt"), get("/p/", "Destination: /pc5/", "Depth: 1", method="COPY"),
  get("/copy.txt", "Destination: /moved.txt", method="MOVE"), get("/moved.txt"), get("/copy.txt"), get("/nope", "Destination: /n2", method="MOVE"), get("/moved.txt", "Destination: /moved.txt", method="MOVE"), get("/pcopy/", "Destination: /pmoved/", method="MOVE"), get("/pmoved/q/r.txt"), get("/moved.txt", "Destination: /../x", method="MOVE"), get("/moved.txt", "Destination: /a%2fb", method="MOVE"), get("/moved.txt", "Destination: /sp%20ace", method="COPY"), get("/sp%20ace"),
  get("/moved.txt", method="DELETE"), get("/moved.txt", method="DELETE"), get("/p", method="DELETE"), get("/p/", "Depth: 0", method="DELETE"), get("/p/", "Depth: infinity", method="DELETE"), get("/p/q/r.txt"), get("/del/a.txt", method="DELETE"), get("/no/a.txt", method="DELETE"), post("/no/n.txt", "x", method="PUT"), get("/pmoved/", "Depth: 1", method="DELETE"), post("/a.txt", "x", method="DELETE"), post("/chunked.txt", "5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked", method="PUT"), get("/chunked.txt"),
  post("/range.txt", "x", "Content-Range: bytes 0-0/1", method="PUT"), post("/dated.txt", "x", "Date: Tue, 14 Nov 2000 22:13:20 GMT", method="PUT"), get("/dated.txt"), get("/a.txt", method="OPTIONS"), get("/a.txt", method="PROPFIND"), get("/a.txt", method="LOCK")])

group("dav-places", server=r"""
root html; dav_methods PUT DELETE MKCOL COPY MOVE; client_body_temp_path tmp;
""", files=F, requests=[get("/a.txt", "Destination: http://other/c", method="COPY"), get("/a.txt", "Destination: /no/c", method="COPY"), get("/a.txt", "Destination: /no/c/d/e", method="MOVE"), get("/no/c/d/e"), get("/d/", "Destination: /no1/d/", method="COPY"),  get("/d/", "Destination: /no2/d/", method="MOVE"), get("/no2/d/b.txt"),
 get("/no/c/d/e", "Destination: /no/c/d/e/f", method="MOVE"), get("/no/c/d/e", "Destination: /no/c/d/e/f", method="COPY"), get("/no/c/d/e", "Destination: https://localhost/x", method="COPY"), get("/no/c/d/e", "Destination: http://localhost", method="COPY"), get("/no/c/d/e", "Destination: http://localhost:80/x", method="COPY"), get("/no/c/d/e", "Destination: http://localhostx/x2", method="COPY"),get("/no/c/d/e", "Destination:", method="COPY"),get("/no/c/d/e", "Destination: /", method="COPY"),get("/no/c/d/e", "Destination: /x?y=1", method="COPY"), get("/x"), get("/no/c/d/e", "Destination: /d", method="COPY"), get("/no/c/d/e", "Destination: /d", method="MOVE"), get("/d/", "Destination: /a.txt/", method="COPY"), get("/d/", "Destination: /x/", method="MOVE")])
