// The report: every word and every sentence number is a button; one tab stop, arrows go from one to the next.
const NEXT = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export default {
  template: `<div ref="report" class="report" @click="click" @keydown="key"></div>`,
  props: { html: String },
  emits: ["chosen"],
  mounted() { this.fill(); },
  watch: { html() { this.fill(); } },
  methods: {
    fill() {
      this.$refs.report.innerHTML = this.html; // made and escaped by the server's template
      this.stop(this.buttons()[0]);
    },
    buttons() { return [...this.$refs.report.querySelectorAll("button[data-sentence]")]; },
    stop(chosen) { for (const button of this.buttons()) button.tabIndex = button === chosen ? 0 : -1; },
    clear() { for (const button of this.buttons()) button.setAttribute("aria-pressed", "false"); },
    click(event) {
      const button = event.target.closest("button[data-sentence]") || event.target.closest("li")?.querySelector(".number");
      if (!button || !this.$refs.report.contains(button)) return;
      this.clear();
      button.setAttribute("aria-pressed", "true");
      this.stop(button);
      const { sentence, word } = button.dataset;
      this.$emit("chosen", { sentence: Number(sentence), word: word === undefined ? null : Number(word) });
    },
    key(event) {
      const buttons = this.buttons();
      const at = buttons.indexOf(document.activeElement);
      if (at < 0) return;
      const to = event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : at + (NEXT[event.key] || 0);
      if (to === at || !buttons[to]) return;
      event.preventDefault();
      this.stop(buttons[to]);
      buttons[to].focus();
    },
  },
};
