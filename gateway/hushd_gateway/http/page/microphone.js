// Runs beside the microphone: passes its sound on as 16-bit samples, with the loudest of them, ten times a second.
class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.samples = new Int16Array(Math.round(sampleRate / 10));
    this.count = 0;
    this.peak = 0;
    this.port.onmessage = () => this.flush(true);
  }

  process([[channel]]) {
    for (const value of channel ?? []) {
      const sample = Math.max(-1, Math.min(1, value));
      this.peak = Math.max(this.peak, Math.abs(sample));
      this.samples[this.count++] = sample * 32767;
      if (this.count === this.samples.length) this.flush();
    }
    return true;
  }

  flush(last = false) {
    this.port.postMessage({ samples: this.samples.slice(0, this.count), peak: this.peak, last });
    this.count = this.peak = 0;
  }
}
registerProcessor('microphone', Microphone);
