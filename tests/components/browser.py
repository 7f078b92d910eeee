"""A page in a real browser: what it shows at a width."""

import html
import json
import re
import subprocess

# At the end of a page, it reports to the page around it how the browser renders it.
PROBE = """
<script>
const videos = [...document.querySelectorAll("video")];
Promise.all(videos.map((video) => new Promise((done) => {
  if (video.readyState >= 2 || video.error) done();
  video.addEventListener("loadeddata", done);
  video.addEventListener("error", done);
}))).then(() => {
  const page = document.documentElement;
  const seen = {
    inner: innerWidth, content: page.scrollWidth,
    cells: Math.max(...[...document.querySelectorAll("td, th")].map((cell) => cell.scrollWidth)),
    videos: videos.map((video) => [video.videoWidth, video.videoHeight, Boolean(video.error)]),
    images: [...document.images].map((image) => image.naturalWidth),
  };
  parent.postMessage(seen, "*");
});
</script>
"""
# A window is never narrower than 500 pixels; a frame may be.
FRAME = """
<pre id="probe"></pre>
<script>
onmessage = (message) => {
  document.getElementById("probe").textContent = JSON.stringify(message.data);
};
</script>
<iframe src="page.html" style="width: %dpx; height: 2000px; border: 0"></iframe>
"""


def browse(chromium, text, folder, *, width):
    # Open details take their full room.
    opened = text.replace("<details>", "<details open>")
    probed = opened.replace("</body>", PROBE + "</body>")
    (folder / "page.html").write_text(probed, encoding="utf-8")
    (folder / "frame.html").write_text(FRAME % width, encoding="utf-8")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={folder}/profile", "--virtual-time-budget=20000"]
    command += [f"--window-size={width + 100},2100", (folder / "frame.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    [seen] = re.findall(r'<pre id="probe">(.*?)</pre>', done.stdout)
    return json.loads(html.unescape(seen))
