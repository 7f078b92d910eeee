// Plays all panels of a separation in sync: they are parts of one video, each drawn on a canvas.
"use strict";

(() => {
  const PLAY = "M8 5v14l11-7z";
  const PAUSE = "M7 5h3v14H7zm7 0h3v14h-3z";
  const LOUD = "M3 9v6h4l5 5V4L7 9zM16 8c2 2 2 6 0 8";
  const MUTED = "M3 9v6h4l5 5V4L7 9zM16 9l6 6M22 9l-6 6";
  const MOST_OPEN = 8; // panels of a group of parts that is not folded at first
  const LEAST = 240; // pixels that a panel has on its canvas, so that it is enlarged smoothly
  const SKELETON = `
    <p class="error" role="alert" hidden></p>
    <p class="empty"><span class="idle">Drop a video to see its layers.</span>
      <span class="busy">Separating the first window takes a moment …</span></p>
    <div class="playing" hidden>
      <div class="transport" role="group" aria-label="Playback of all videos">
        <button type="button" class="play"><svg viewBox="0 0 24 24" aria-hidden="true"><path></path></svg></button>
        <input type="range" class="time" min="0" value="0" step="any" aria-label="Time">
        <span class="clock"></span>
        <button type="button" class="sound"><svg viewBox="0 0 24 24" aria-hidden="true"><path></path></svg></button>
      </div>
      <p class="status" role="status"></p>
      <div class="groups"></div>
    </div>`;

  const create = (tag, text, className) => {
    const node = document.createElement(tag);
    node.textContent = text ?? "";
    node.className = className ?? "";
    return node;
  };

  // A button changes its label and its icon together.
  const label = (button, text, icon) => {
    button.setAttribute("aria-label", text);
    button.title = text;
    button.querySelector("path").setAttribute("d", icon);
  };

  class LayerPlayer extends HTMLElement {
    #video = document.createElement("video");
    #frame = document.createElement("canvas"); // the video's frame at the panels' own size
    #canvases = [];
    #seconds = 1;
    #plays = !matchMedia("(prefers-reduced-motion: reduce)").matches; // unless it is paused
    #open = new Map(); // title of a group -> whether it is open, as its visitor left it
    #shown = 0; // counts the values, so that a video that loads late is not shown

    connectedCallback() {
      if (this.firstElementChild) return;
      this.innerHTML = SKELETON;
      this.#find(".play").addEventListener("click", () => this.#toggle());
      this.#find(".sound").addEventListener("click", () => this.#mute(!this.#video.muted));
      this.#find(".time").addEventListener("input", (event) => {
        this.#video.currentTime = Number(event.target.value);
      });
      this.#mute(true);
    }

    disconnectedCallback() {
      this.#video.pause();
    }

    show(value) {
      const turn = ++this.#shown;
      this.#message(value.error ?? "", !value.error && !value.video);
      if (!value.video) {
        this.#video.pause();
        this.#find(".playing").hidden = true;
        return;
      }
      const video = document.createElement("video");
      Object.assign(video, { loop: true, muted: this.#video.muted, playsInline: true });
      const once = (name, action) => {
        const current = () => turn === this.#shown && action();
        video.addEventListener(name, current, { once: true });
      };
      once("loadeddata", () => {
        const continues = this.#seconds === value.seconds;
        video.currentTime = continues ? this.#video.currentTime : 0;
      });
      once("seeked", () => this.#replace(video, value));
      video.src = value.video;
    }

    // The old video stays until the new one can continue at the same time.
    #replace(video, value) {
      this.#video.pause();
      this.#video = video;
      this.#seconds = value.seconds;
      this.#find(".time").max = video.duration;
      this.#find(".status").textContent = value.status;
      this.#find(".sound").disabled = value.silent;
      this.#frame.width = video.videoWidth / value.scale;
      this.#frame.height = video.videoHeight / value.scale;
      this.#arrange(value);
      this.#find(".playing").hidden = false;
      for (const name of ["play", "pause"]) video.addEventListener(name, () => this.#update());
      for (const name of ["seeked", "timeupdate"]) video.addEventListener(name, () => this.#draw());
      this.#draw();
      this.#update();
      this.#follow(video);
      if (this.#plays) video.play().catch(() => this.#update());
    }

    #arrange(value) {
      this.#canvases = [];
      const sections = value.groups.map((group, index) => {
        const section = create("section");
        const grid = create("div", "", "grid");
        grid.append(...group.panels.map((panel) => this.#figure(panel, value)));
        const head = create("h2", group.title);
        section.append(...(index ? [this.#folding(group, head, grid)] : [head, grid]));
        return section;
      });
      this.#find(".groups").replaceChildren(...sections);
    }

    // The input and the outputs are always seen, and their parts unless they are folded.
    #folding({ title, panels }, head, grid) {
      const details = create("details");
      const summary = create("summary");
      details.open = this.#open.get(title) ?? panels.length <= MOST_OPEN;
      details.addEventListener("toggle", () => this.#open.set(title, details.open));
      summary.append(head, create("span", `${panels.length}`, "count"));
      details.append(summary, grid);
      return details;
    }

    #figure(panel, { width, height }) {
      const figure = create("figure", "", panel.chosen ? "chosen" : "");
      const factor = Math.ceil(LEAST / width);
      const canvas = Object.assign(create("canvas"), { width: factor * width, height: factor * height });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", panel.caption);
      this.#canvases.push([canvas, [panel.left, panel.top, width, height]]);
      const caption = create("figcaption");
      caption.append(create("span", panel.caption));
      if (panel.chosen) caption.append(create("strong", "chosen"));
      if (panel.score) caption.append(create("span", `score ${panel.score}`, "score"));
      figure.append(canvas, caption);
      return figure;
    }

    #follow(video) {
      if (video !== this.#video || !this.isConnected) return;
      this.#draw();
      video.requestVideoFrameCallback(() => this.#follow(video));
    }

    #draw() {
      if (this.#video.seeking) return; // "seeked" draws the frame at the new time
      const { width, height } = this.#frame;
      this.#frame.getContext("2d").drawImage(this.#video, 0, 0, width, height);
      for (const [canvas, place] of this.#canvases) {
        const context = canvas.getContext("2d");
        context.imageSmoothingQuality = "high";
        context.drawImage(this.#frame, ...place, 0, 0, canvas.width, canvas.height);
      }
      const time = this.#video.currentTime;
      this.#find(".time").value = time;
      this.#find(".clock").textContent = `${time.toFixed(2)} / ${this.#seconds.toFixed(2)} s`;
    }

    #toggle() {
      this.#plays = this.#video.paused;
      if (this.#plays) this.#video.play();
      else this.#video.pause();
    }

    #mute(muted) {
      this.#video.muted = muted;
      const button = this.#find(".sound");
      label(button, muted ? "Turn sound on" : "Turn sound off", muted ? MUTED : LOUD);
    }

    #update() {
      const { paused } = this.#video;
      label(this.#find(".play"), paused ? "Play" : "Pause", paused ? PLAY : PAUSE);
    }

    #message(error, empty) {
      const alert = this.#find(".error");
      alert.textContent = error;
      alert.hidden = !error;
      this.#find(".empty").hidden = !empty;
    }

    #find(selector) {
      return this.querySelector(selector);
    }
  }

  customElements.define("layer-player", LayerPlayer);
})();
