"""Chromium without a window, driven over the DevTools protocol.

    with Browser() as b:
        page = b.page()
        assert page.goto("http://127.0.0.1:8080/") == 200
        page.fill("input[name=user]", "ann")
        page.click("button")
        page.wait("document.querySelector('h1')?.textContent == 'Hello ann'")
        assert page.errors == []

The protocol runs over a pair of pipes (--remote-debugging-pipe): no port, no
library.  Everything has a deadline and raises BrowserError with the browser's own
words.  Each Browser has a profile of its own, and reaches nothing but this machine.
Keyboard and mouse input is the real kind, so that what scripts do on it happens.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

TIMEOUT = 20.0

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
         "--disable-extensions", "--ignore-certificate-errors", "--mute-audio", "--hide-scrollbars",
         "--remote-debugging-pipe", "--host-resolver-rules="
         "MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1"]


class BrowserError(AssertionError):
    """The page, or the browser, did not do what was asked for."""


def chromium():
    """The program; an error that says what to install where there is none."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        raise BrowserError("chromium is not installed: auto/dev/deps test")
    return path


class Browser:
    """`flags`: more of the command line."""

    def __init__(self, flags=()):
        self.profile = tempfile.mkdtemp(prefix="weir-browser-")
        self.pages = {}             # session id -> Page
        self.number = 0
        self.answers = {}
        self.input = b""
        self.log_path = os.path.join(self.profile, "stderr")
        # The browser's ends lie above 3 and 4, which they become.
        read, self.write_fd = os.pipe()
        self.read_fd, write = os.pipe()
        theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (read, write)]

        def take_pipes():
            for fd, target in zip(theirs, (3, 4)):
                os.dup2(fd, target)

        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [chromium(), *FLAGS, "--user-data-dir=" + self.profile, *flags,
                 "about:blank"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                close_fds=False, preexec_fn=take_pipes, start_new_session=True)
        for fd in [read, write] + theirs:
            os.close(fd)
        try:
            self.version = self.call("Browser.getVersion")["product"]
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def page(self, width=1200, height=800):
        """A new tab, with cookies and storage of its own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", width=width,
                           height=height, browserContextId=context)["targetId"]
        return Page(self, target)

    def close(self):
        try:
            self.send("Browser.close")
            self.process.wait(5)
        except (BrowserError, OSError, subprocess.TimeoutExpired):
            pass
        finally:
            try:                    # and its helpers: they are its own group
                os.killpg(self.process.pid, 9)
            except (ProcessLookupError, PermissionError):
                pass
            self.process.wait()
            for fd in (self.read_fd, self.write_fd):
                os.close(fd)
            for _ in range(20):     # helpers may write till the very end
                shutil.rmtree(self.profile, ignore_errors=True)
                if not os.path.exists(self.profile):
                    break
                time.sleep(0.05)

    # The protocol

    def send(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write_fd, data):]
        return self.number

    def call(self, method, session=None, timeout=TIMEOUT, **params):
        """Sends a command and returns its result."""
        number = self.send(method, session, **params)
        end = time.monotonic() + timeout
        while number not in self.answers:
            self.receive(end - time.monotonic(), method)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise BrowserError("%s: %s" % (method, answer["error"]["message"]))
        return answer["result"]

    def receive(self, timeout, doing):
        """Waits for bytes and takes the messages that are whole; events go to
        their page."""
        if not select.select([self.read_fd], [], [], max(timeout, 0))[0]:
            raise BrowserError("%s: no answer in time" % doing)
        data = os.read(self.read_fd, 1 << 20)
        if not data:
            with open(self.log_path, errors="replace") as f:
                raise BrowserError("%s: the browser has ended: %s"
                                   % (doing, f.read()[-2000:]))
        *messages, self.input = (self.input + data).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self.answers[message["id"]] = message
            elif message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].event(
                    message["method"], message["params"])


class Page:
    """One tab.  `errors`: what scripts threw and wrote to console.error, and
    resources that could not be loaded; `responses`: (URL, status) of all that was
    loaded, in order; `requests`: URLs asked for."""

    def __init__(self, browser, target):
        self.browser = browser
        self.errors, self.requests, self.responses = [], [], []
        self.document = None        # the status of the last one
        self.loaded = set()         # loader ids
        self.session = browser.call("Target.attachToTarget", targetId=target,
                                    flatten=True)["sessionId"]
        browser.pages[self.session] = self
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def event(self, method, params):
        if method == "Page.lifecycleEvent" and params["name"] == "load":
            self.loaded.add(params["loaderId"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Network.responseReceived":
            self.responses.append((params["response"]["url"],
                                   params["response"]["status"]))
            if params["type"] == "Document":
                self.document = params["response"]["status"]
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get(
                "description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.errors.append(" ".join(
                str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append("%s %s" % (params["entry"]["text"],
                                          params["entry"].get("url", "")))
        elif method == "Page.javascriptDialogOpening":
            self.errors.append("a dialog: " + params["message"])
            self.browser.send("Page.handleJavaScriptDialog", self.session, accept=True)

    # What tests do

    def goto(self, url, timeout=TIMEOUT):
        """Loads a page to its end; its status."""
        self.document = None
        result = self.call("Page.navigate", url=url)
        if result.get("errorText"):
            raise BrowserError("%s: %s" % (url, result["errorText"]))
        end = time.monotonic() + timeout
        while "loaderId" in result and result["loaderId"] not in self.loaded:
            self.browser.receive(end - time.monotonic(), url)
        return self.document

    def eval(self, script):
        """The value of an expression in the page; promises are awaited."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise BrowserError("%s: %s" % (script, details.get("exception", {}).get(
                "description") or details["text"]))
        return result["result"].get("value")

    def wait(self, script, timeout=TIMEOUT):
        """Until the expression is true (also over page loads); its value."""
        end, value = time.monotonic() + timeout, None
        while time.monotonic() < end:
            try:
                value = self.eval(script)
                if value:
                    return value
            except BrowserError as e:
                value = e           # the page is just changing
            time.sleep(0.02)
        raise BrowserError("not in time: %s (last: %s)\n%s" % (
            script, value, "\n".join(self.errors)))

    def wait_for(self, selector, text=None, timeout=TIMEOUT):
        """Until there is such an element, with this text somewhere in it."""
        found = "document.querySelector(%s)" % json.dumps(selector)
        if text is not None:
            found += "?.textContent.includes(%s)" % json.dumps(text)
        return self.wait("!!(%s)" % found, timeout)

    def text(self, selector="body"):
        return self.eval("document.querySelector(%s).textContent"
                         % json.dumps(selector))

    def click(self, selector):
        """With the mouse, in the middle of the element."""
        self.wait_for(selector)
        x, y = self.eval(
            "(e => { e.scrollIntoView({block: 'center'});"
            " const b = e.getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })"
            "(document.querySelector(%s))" % json.dumps(selector))
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                      clickCount=1)

    def fill(self, selector, text):
        """Types into a field, in place of what is there."""
        self.wait_for(selector)
        self.eval("(e => { e.focus(); e.select && e.select(); })"
                  "(document.querySelector(%s))" % json.dumps(selector))
        self.call("Input.insertText", text=text)

    def cookies(self):
        """name -> what the browser keeps of it (value, httpOnly, secure, …)."""
        return {c["name"]: c for c in self.call("Network.getCookies")["cookies"]}

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))
