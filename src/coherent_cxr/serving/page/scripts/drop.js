// Where files are dropped or chosen; each is sent by itself, and the page is told when all have arrived.
export default {
  template: `
    <label class="drop" :class="{over, busy}" @dragover.prevent="over = true" @dragleave="over = false" @drop.prevent="drop">
      <input ref="input" type="file" multiple :accept="accept" :disabled="busy || disabled" aria-describedby="drop-hint"
        aria-label="Images of one study" @change="send($event.target.files)">
      <span class="drop-title">{{ busy ? progress : title }}</span>
      <span class="drop-hint" id="drop-hint">{{ hint }}</span>
    </label>`,
  props: { url: String, token: String, accept: String, title: String, hint: String, disabled: Boolean, most: Number },
  emits: ["arrived", "refused"],
  data: () => ({ over: false, busy: false, progress: "" }),
  methods: {
    drop(event) {
      this.over = false;
      if (!this.busy && !this.disabled) this.send(event.dataTransfer.files);
    },
    async send(list) {
      const files = Array.from(list);
      if (!files.length) return;
      if (files.length > this.most) {
        this.$emit("refused", `These are ${files.length} files; a study may have ${this.most} images at most.`);
        this.$refs.input.value = "";
        return;
      }
      this.busy = true;
      try {
        for (const [position, file] of files.entries()) {
          this.progress = `Sending image ${position + 1} of ${files.length} …`;
          // the name goes into a header: addresses are logged, and a name may tell who the patient is
          const headers = { "X-Visit": this.token, "X-Position": position, "X-File-Name": encodeURIComponent(file.name) };
          const answer = await fetch((window.path_prefix || "") + this.url, { method: "POST", headers, body: file });
          if (!answer.ok) {
            const body = await answer.json().catch(() => ({}));
            throw new Error(body.error || `The image was not taken (status ${answer.status}).`);
          }
        }
        this.$emit("arrived", files.length);
      } catch (error) {
        const lost = error instanceof TypeError ? "The image could not be sent: the server took no more of it, or is gone." : "";
        this.$emit("refused", lost || error.message);
      } finally {
        this.busy = false;
        this.$refs.input.value = "";
      }
    },
  },
};
