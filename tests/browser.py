"""A headless Chromium, spoken to by its own protocol; without a network."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from pathlib import Path
from typing import Self

from cance.pages.pdf import find_browser

_READY = """
new Promise((resolve) => {
  const wait = () => {
    if (document.readyState !== "complete") return setTimeout(wait, 50);
    const equations = window.MathJax?.startup?.promise;
    if (!equations && document.querySelector(".math")) return setTimeout(wait, 50);
    Promise.resolve(equations).then(() => setTimeout(resolve, 300));
  };
  wait();
})
"""


class Browser:
    """One page of one browser; a context manager.

    Parameters
    ----------
    folder : path
        Where the browser keeps its profile.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.requests: list[str] = []
        self._calls = 0

    def __enter__(self) -> Self:
        command = [find_browser(), "--headless=new", "--no-sandbox", "--disable-gpu"]
        command += ["--remote-debugging-port=0", f"--user-data-dir={self.folder}"]
        command += ["--host-resolver-rules=MAP * ~NOTFOUND", "about:blank"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._connect())
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_) -> None:
        self._process.terminate()
        self._process.wait()
        self._loop.close()

    def open(self, page: Path, width: int) -> None:
        """Show a page in a window of this width, its equations set."""
        self.requests.clear()
        self.resize(width)
        self.call("Page.navigate", url=page.resolve().as_uri())
        self.evaluate(_READY)

    def resize(self, width: int) -> None:
        """Make the window this wide."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def evaluate(self, script: str):
        """The value of an expression, awaited."""
        options = {"awaitPromise": True, "returnByValue": True}
        found = self.call("Runtime.evaluate", expression=script, **options)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def call(self, method: str, **parameters) -> dict:
        """One command of the protocol; what is requested meanwhile is noted."""
        return self._loop.run_until_complete(self._call(method, parameters))

    async def _connect(self):
        from tornado.httpclient import AsyncHTTPClient
        from tornado.websocket import websocket_connect

        port, deadline = self.folder / "DevToolsActivePort", time.monotonic() + 60
        while not (port.is_file() and port.read_text()):
            assert time.monotonic() < deadline, "the browser did not start"
            await asyncio.sleep(0.1)
        address = f"http://127.0.0.1:{port.read_text().split()[0]}/json"
        tabs = json.loads((await AsyncHTTPClient().fetch(address)).body)
        tab = next(tab for tab in tabs if tab["type"] == "page")
        self._socket = await websocket_connect(tab["webSocketDebuggerUrl"], max_message_size=2**28)

    async def _call(self, method, parameters):
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": parameters}
        await self._socket.write_message(json.dumps(message))
        while True:
            answer = json.loads(await self._socket.read_message())
            if answer.get("method") == "Network.requestWillBeSent":
                self.requests.append(answer["params"]["request"]["url"])
            if answer.get("id") == message["id"]:
                assert "error" not in answer, answer
                return answer["result"]
