// A radiograph with window, level and zoom, and one attention map over it. Nothing leaves the browser.
const STEPS = { "+": 1.25, "=": 1.25, "-": 0.8 };
const MOVES = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const WHOLE = { scale: 1, x: 0, y: 0 };
const GREY = { width: 256, level: 128, inverted: false };

export default {
  template: `
    <figure class="viewer">
      <svg class="hidden" aria-hidden="true"><filter :id="filter" color-interpolation-filters="sRGB"><feComponentTransfer>
        <feFuncR type="linear" :slope="slope" :intercept="intercept"/><feFuncG type="linear" :slope="slope" :intercept="intercept"/>
        <feFuncB type="linear" :slope="slope" :intercept="intercept"/></feComponentTransfer></filter></svg>
      <div ref="stage" class="stage" :class="{zoomed: scale > 1}" tabindex="0" role="application" :aria-label="label"
        aria-roledescription="image viewer" aria-description="Plus and minus zoom, arrows move, zero shows the whole image."
        @keydown="key" @wheel="wheel" @pointerdown="down" @pointermove="move" @pointerup="up" @pointercancel="up" @dblclick="whole">
        <div class="moved" :style="{transform}">
          <img :src="src" :alt="alt" :style="{filter: 'url(#' + filter + ')'}" draggable="false">
          <img v-if="map" class="map" :src="map" alt="" draggable="false">
        </div>
        <span v-if="side" class="side" :title="sideTitle">{{ side }}</span>
        <span v-if="other" class="side at-right" :title="sideTitle">{{ other }}</span>
        <span v-if="scale > 1" class="zoom-factor">{{ scale.toFixed(1) }}×</span>
      </div>
      <div class="scale" v-show="map"><span>0 %</span><i :style="{background: colours}"></i><span>{{ top }} on one cell</span></div>
      <figcaption aria-live="polite">{{ caption }}
        <button v-if="map" type="button" class="plain" @click="hide">Hide attention</button></figcaption>
      <div class="tools">
        <label>Window <input type="range" min="16" max="512" step="4" v-model.number="width"><output aria-live="off">{{ width }}</output></label>
        <label>Level <input type="range" min="0" max="256" step="2" v-model.number="level"><output aria-live="off">{{ level }}</output></label>
        <div class="buttons">
          <button type="button" @click="zoom(1.25)" aria-label="Zoom in">+</button>
          <button type="button" @click="zoom(0.8)" aria-label="Zoom out">−</button>
          <button type="button" :aria-pressed="String(inverted)" @click="inverted = !inverted">Invert</button>
          <button type="button" @click="reset">Reset</button>
        </div>
      </div>
    </figure>`,
  props: { src: String, alt: String, label: String, side: String, colours: String },
  emits: ["hidden"],
  data() {
    return { ...WHOLE, ...GREY, map: "", top: "", caption: "", idle: "", fingers: new Map(), spread: 0 };
  },
  computed: {
    filter() { return `window-${this.$.uid}`; },
    slope() { return (this.inverted ? -1 : 1) * 256 / this.width; },
    intercept() { return 0.5 - this.slope * this.level / 256; },
    transform() { return `translate(${this.x}%, ${this.y}%) scale(${this.scale})`; },
    other() { return { R: "L", L: "R" }[this.side]; },
    sideTitle() { return "The patient's side, as the DICOM tags of the file say it"; },
  },
  methods: {
    show(map, top, caption) {
      Object.assign(this, { map, top, caption });
      if (!map) this.idle = caption;
      if (map) this.$el.scrollIntoView({ block: "nearest" }); // on a phone it may be far above the report
    },
    hide() { this.show("", "", this.idle); this.$emit("hidden"); },
    reset() { this.whole(); Object.assign(this, GREY); },
    whole() { Object.assign(this, WHOLE); },
    // The point under (px, py), in shares of the stage from its middle, stays where it is.
    zoom(factor, px = 0, py = 0) {
      const scale = Math.min(8, Math.max(1, this.scale * factor));
      const by = scale / this.scale;
      this.x = 100 * px - (100 * px - this.x) * by;
      this.y = 100 * py - (100 * py - this.y) * by;
      this.scale = scale;
      this.shift(0, 0);
    },
    shift(dx, dy) {
      const most = 50 * (this.scale - 1);
      this.x = Math.min(most, Math.max(-most, this.x + dx));
      this.y = Math.min(most, Math.max(-most, this.y + dy));
    },
    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in STEPS) this.zoom(STEPS[event.key]);
      else if (event.key === "0") this.reset();
      else if (event.key in MOVES && this.scale > 1) this.shift(...MOVES[event.key].map((part) => 10 * part));
      else return;
      event.preventDefault();
    },
    place(event) {
      const box = this.$refs.stage.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width - 0.5, (event.clientY - box.top) / box.height - 0.5];
    },
    // A wheel over an image that nobody has chosen scrolls the page.
    wheel(event) {
      if (!event.ctrlKey && document.activeElement !== this.$refs.stage) return;
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, ...this.place(event));
    },
    down(event) {
      if (event.button) return;
      this.fingers.set(event.pointerId, this.place(event));
      this.spread = 0;
      if (event.pointerType === "mouse" || this.scale > 1) this.$refs.stage.setPointerCapture(event.pointerId);
    },
    move(event) {
      const before = this.fingers.get(event.pointerId);
      if (!before) return;
      const now = this.place(event);
      this.fingers.set(event.pointerId, now);
      if (this.fingers.size === 1) this.shift(100 * (now[0] - before[0]), 100 * (now[1] - before[1]));
      else {
        const [a, b] = [...this.fingers.values()];
        const spread = Math.hypot(a[0] - b[0], a[1] - b[1]);
        if (this.spread) this.zoom(spread / this.spread, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
        this.spread = spread;
      }
    },
    up(event) { this.fingers.delete(event.pointerId); this.spread = 0; },
  },
};
