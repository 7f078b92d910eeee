// The videos of an entry play together from the first frame while the entry is in view.
if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
  const watcher = new IntersectionObserver((sights) => {
    for (const sight of sights) {
      for (const video of sight.target.querySelectorAll("video")) {
        if (sight.isIntersecting) {
          video.currentTime = 0;
          video.play().catch(() => {});
        } else {
          video.pause();
        }
      }
    }
  });
  document.querySelectorAll(".entry").forEach((entry) => watcher.observe(entry));
}
