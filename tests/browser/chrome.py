"""A real browser without a window, spoken to over a pair of pipes (DevTools protocol)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode
from itertools import count
from select import select
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 90.0

# The browser reads commands from descriptor 3 and answers on 4.
_LAUNCH = "import os, sys; r, w = map(int, sys.argv[1:3]); os.dup2(r, 3), os.dup2(w, 4); \
os.execvp(sys.argv[3], sys.argv[3:])"

# Runs before anything of a page: notes what must never happen there.
_WITNESS = """
window.hits = [];
window.hit = () => window.hits.push("called");
window.alert = window.confirm = window.prompt = window.hit;
addEventListener("securitypolicyviolation", (e) => window.hits.push(e.violatedDirective));
addEventListener("error", (e) => window.hits.push(e.message || `no ${e.target.src}`), true);
addEventListener("unhandledrejection", (e) => window.hits.push(String(e.reason)));
"""


def found() -> str | None:
    """Return the path of a browser, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One browser process; every tab is a new profile."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        self._ids = count(1)
        self._buffer = b""
        self._tabs: list[Tab] = []
        options = ["--headless", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
        options += ["--no-first-run", f"--user-data-dir={self._profile.name}"]
        options += ["--no-sandbox"] if os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(theirs_in), str(theirs_out), program, *options],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)

    def close(self) -> None:
        """End it."""
        try:
            self.send("Browser.close")
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._in)
            os.close(self._out)
            self._profile.cleanup()

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; raises AssertionError for an error."""
        message: dict[str, Any] = {"id": next(self._ids), "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == message["id"]:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            readable, _, _ = select([self._in], [], [], PATIENCE)
            assert readable, "the browser does not answer"
            chunk = os.read(self._in, 1 << 20)
            assert chunk, "the browser has ended"
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close_tabs(self) -> None:
        """Close every tab and forget its profile, so that none of them holds on to a server that
        is to stop."""
        while self._tabs:
            tab = self._tabs.pop()
            tab.open("about:blank")
            self.send("Target.disposeBrowserContext", browserContextId=tab.context)

    def tab(self, *, width: int = 1280, height: int = 900) -> Tab:
        """Open a tab in a profile of its own; below 600 pixels it is a phone."""
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)
        session = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        tab = Tab(self, session["sessionId"], context)
        self._tabs.append(tab)
        tab.send("Page.enable")
        tab.send("Page.addScriptToEvaluateOnNewDocument", source=_WITNESS)
        tab.resize(width, height)
        return tab


class Tab:
    """One page in it."""

    def __init__(self, browser: Browser, session: str, context: str) -> None:
        self._browser = browser
        self._session = session
        self.context = context  # its profile

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command to this page."""
        return self._browser.send(method, self._session, **params)

    def open(self, url: str) -> None:
        """Go to an address and wait until the page and its scripts are there."""
        self.send("Page.navigate", url=url)
        self.wait(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def resize(self, width: int, height: int, scale: float = 1) -> None:
        """Give the window a size in CSS pixels, each of them `scale` of the screen's; below 600 it
        is a phone."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale}
        self.send("Emulation.setDeviceMetricsOverride", **size, mobile=width < 600)

    def prefer(self, scheme: str) -> None:
        """Prefer light or dark pages."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.send("Emulation.setEmulatedMedia", features=[feature])

    def js(self, expression: str) -> Any:
        """Return what an expression gives in the page; raises AssertionError if it throws."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str) -> Any:
        """Wait until an expression becomes true, looked at with every frame, also while the tab
        goes to another page; returns it."""
        while True:
            try:
                return self._wait(expression)
            except AssertionError as error:
                if "target navigated" not in str(error):
                    raise

    def _wait(self, expression: str) -> Any:
        limit = int(PATIENCE * 1000)
        return self.js(
            f"""new Promise((resolve, reject) => {{
                const end = Date.now() + {limit};
                (function look() {{
                    const found = (() => {expression})();
                    if (found) return resolve(found instanceof Node || found);
                    if (Date.now() > end) return reject({json.dumps(expression)});
                    setTimeout(look, 20);
                }})();
            }})"""
        )

    def click(self, selector: str) -> None:
        """Press the mouse on an element, as somebody would."""
        x, y = self._middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            at = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
            self.send("Input.dispatchMouseEvent", **at)

    def point(self, selector: str) -> None:
        """Move the mouse over an element, and after it if the page moves the element meanwhile."""
        one = f"document.querySelector({json.dumps(selector)})"
        for _ in range(100):
            x, y = self._middle(selector)
            self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
            if self.js(f"{one}?.matches(':hover') ?? false"):
                return
        raise AssertionError(f"the mouse does not reach {selector}")

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        self.send("Input.insertText", text=text)

    def _middle(self, selector: str) -> tuple[float, float]:
        x, y = self.js(
            f"""(() => {{
                const one = document.querySelector({json.dumps(selector)});
                one.scrollIntoView({{block: "center"}});
                const box = one.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        return x, y

    def press(self, key: str, code: int) -> None:
        """Press a key."""
        typed = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        if key == "Enter":
            typed["text"] = "\r"
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, **typed)

    def picture(self, *, whole: bool = False, quality: int | None = None) -> bytes:
        """Return what is seen of the page, or the whole of it, as a PNG, or as a WebP of a quality
        up to 100."""
        beyond: dict[str, Any] = {"captureBeyondViewport": whole, "format": "png"}
        if quality is not None:
            beyond |= {"format": "webp", "quality": quality}
        if whole:
            box = self.send("Page.getLayoutMetrics")["cssContentSize"]
            beyond["clip"] = {**box, "scale": 1}
        return b64decode(self.send("Page.captureScreenshot", **beyond)["data"])

    @property
    def hits(self) -> list[str]:
        """Return what must never happen and did: calls of planted code, errors, violations."""
        found: list[str] = self.js("window.hits")
        return found
