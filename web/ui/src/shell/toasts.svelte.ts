// Short words at the edge of the page: what happened, and for some a way to undo it while they stand.
export interface Toast {
  id: number;
  text: string;
  kind: "plain" | "bad";
  action?: { label: string; run: () => void };
}

class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;
  #timers = new Map<number, ReturnType<typeof setTimeout>>();

  say(text: string, options: { kind?: Toast["kind"]; ms?: number; action?: Toast["action"] } = {}): number {
    const id = this.#next++;
    this.list = [...this.list.slice(-3), { id, text, kind: options.kind ?? "plain", action: options.action }];
    this.#timers.set(
      id,
      setTimeout(() => this.close(id), options.ms ?? (options.kind === "bad" ? 8000 : 4000)),
    );
    return id;
  }

  close(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
