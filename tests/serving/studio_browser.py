"""The studio's page as a user sees it, in a real browser."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

# The mean brightness of every panel now, in [0, 255], by its label, and the time of the video.
_LOOK = """
player => Object.fromEntries([...player.querySelectorAll("canvas")].map((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
  const group = canvas.closest("section").querySelector("h2").textContent;
  return [`${group}: ${canvas.ariaLabel}`, sum / data.length * 4 / 3];
}))
"""
MAIN = "Input and outputs"
_PATIENCE = 60.0  # seconds, for a machine that does much else
expect.set_options(timeout=1000 * _PATIENCE)


class StudioBrowser:
    """One visitor of the page."""

    def __init__(self, page: Page, url: str) -> None:
        """Open the page, and note every address that the browser asks for."""
        self.page = page
        self.requested: list[str] = []
        page.on("request", lambda request: self.requested.append(request.url))
        page.goto(url)
        self.player = page.locator("layer-player")
        expect(self.player.get_by_text("Drop a video")).to_be_visible()
        expect(page.get_by_text("separates a window")).to_be_visible()

    def drop(self, label: str, path: Path) -> None:
        """Give a file to the field with a label."""
        self.page.get_by_label(label, exact=True).and_(
            self.page.locator("input[type=file]")
        ).set_input_files(path)

    def remove(self, label: str) -> None:
        """Take the file out of the field with a label."""
        self.page.get_by_role("button", name=f"Remove: {label}").click()

    def set_slider(self, label: str, value: float) -> None:
        """Type a value for a slider."""
        field = self.page.get_by_label(f"number input for {label}")
        field.fill(str(value))
        field.press("Enter")

    def expect_choice(self, output: int) -> None:
        """Wait until the page says that an output is chosen, and marks it alone."""
        status = self.player.get_by_role("status")
        expect(status).to_have_text(f"The audio selects output {output}.")
        expect(self.player.locator("figure.chosen figcaption")).to_have_text(
            re.compile(f"^Output {output}chosen")
        )

    def expect_error(self, words: str) -> None:
        """Wait until the page shows this error and no video."""
        expect(self.player.get_by_role("alert")).to_have_text(re.compile(words))
        expect(self.player.locator("canvas").first).to_be_hidden()

    def seek(self, seconds: float) -> None:
        """Pause, and show the frame at a time; again if a new result begins to play meanwhile."""
        pause = self.player.get_by_role("button", name="Pause")
        clock = self.player.locator(".clock")
        end = time.monotonic() + _PATIENCE
        while pause.is_visible() or not clock.inner_text().startswith(f"{seconds:.2f} / "):
            assert time.monotonic() < end, f"expected {seconds:.2f} s, got {clock.inner_text()}"
            if pause.is_visible():
                pause.click()
            self.player.get_by_label("Time").evaluate(
                """(input, seconds) => {
                  input.value = seconds;
                  input.dispatchEvent(new Event("input"));
                }""",
                seconds,
            )
            self.page.wait_for_timeout(100)

    def look(self) -> dict[str, float]:
        """Return the mean brightness of each panel, by "heading: caption"."""
        return self.player.evaluate(_LOOK)

    def expect_frames(self) -> None:
        """Wait until the panels show a frame; the page names the choice a moment before."""
        end = time.monotonic() + _PATIENCE
        while not any(self.look().values()):
            assert time.monotonic() < end, "expected frames, got black panels"

    def expect_look(self, expected: dict[str, float], within: float = 3) -> None:
        """Wait until panels have this brightness; a browser shows a frame just after it seeks."""
        end = time.monotonic() + _PATIENCE
        while (shown := self.look()) != pytest.approx(shown | expected, abs=within):
            assert time.monotonic() < end, f"expected {expected}, got {shown}"
