// The two stores in this browser's database: `outbox` (decisions not yet acknowledged) and `refused` (decisions that
// wait for a person's choice). Where the browser gives no database (a private window, a full disk), `open` is false
// and every call does nothing: then decisions live in the page's memory only, and the page says so.

const NAME = "tagloom";
const STORES = ["outbox", "refused"];
const IDLE = 300; // ms
const PATIENCE = 4000; // ms; a database that another tab blocks must not stop the work

export class Shelf {
  open = false;
  #db = null;
  #done = []; // keys of acknowledged rows, still to be deleted
  #timer = null;

  /** Open and read everything: {outbox: [row], refused: [entry]}, oldest first, each with its `key`. */
  async start() {
    try {
      this.#db = await opened();
      this.open = true;
      this.#db.onversionchange = () => this.#db.close();
      this.#db.onclose = () => (this.open = false);
      return { outbox: await this.read("outbox"), refused: await this.read("refused") };
    } catch {
      this.open = false;
      return { outbox: [], refused: [] };
    }
  }

  /** Append one row; sets row.key. Resolves when the transaction is complete. */
  async add(store, row) {
    const { key: _, ...value } = row;
    row.key = null;
    await this.#within([store], "readwrite", (transaction) => {
      this.#sweep(transaction);
      transaction.objectStore(store).add(value).onsuccess = (event) => (row.key = event.target.result);
    });
    if (!this.open) row.key = null;
  }

  /** These rows of the outbox are acknowledged. They are deleted with the next row or a moment later: a page that dies
   *  in between sends them once more, which the server notices. */
  forget(keys) {
    this.#done.push(...keys.filter((key) => key !== null));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#done.length && this.#within(["outbox"], "readwrite", (transaction) => this.#sweep(transaction)), IDLE);
  }

  #sweep(transaction) {
    for (const key of this.#done.splice(0)) transaction.objectStore("outbox").delete(key);
  }

  /** The oldest rows, or null if there is no database. */
  async read(store, most) {
    let keys, values;
    await this.#within([store], "readonly", (transaction) => {
      transaction.objectStore(store).getAllKeys(null, most).onsuccess = (event) => (keys = event.target.result);
      transaction.objectStore(store).getAll(null, most).onsuccess = (event) => (values = event.target.result);
    });
    if (!values) return null;
    const rows = values.map((value, i) => ({ ...value, key: keys[i] }));
    return store === "outbox" ? rows.filter((row) => !this.#done.includes(row.key)) : rows;
  }

  /** Several changes in one transaction: [{store, key, value}]; value null deletes, key null appends (the value object
   *  gets its key). */
  async write(changes) {
    if (!changes.length) return;
    await this.#within([...new Set(changes.map((change) => change.store))], "readwrite", (transaction) => {
      for (const change of changes) {
        const store = transaction.objectStore(change.store);
        if (change.value === null) {
          if (change.key !== null) store.delete(change.key);
          continue;
        }
        const { key: _, ...value } = change.value;
        if (change.key === null) store.add(value).onsuccess = (event) => (change.value.key = event.target.result);
        else store.put(value, change.key);
      }
    });
  }

  async #within(stores, mode, fill) {
    if (!this.open) return;
    try {
      // Not "strict": waiting for the disk itself would cost more than a key press may take.
      const transaction = this.#db.transaction(stores, mode, { durability: "relaxed" });
      fill(transaction);
      transaction.commit?.(); // at once, without asking back whether more is coming
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
    } catch (error) {
      console.error("Tagloom: the browser's storage failed; decisions stay in this page's memory.", error);
      this.open = false;
    }
  }
}

function opened() {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the database does not open")), PATIENCE);
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      for (const store of STORES) if (!request.result.objectStoreNames.contains(store)) request.result.createObjectStore(store, { autoIncrement: true });
    };
    request.onsuccess = () => (clearTimeout(timer), resolve(request.result));
    request.onerror = () => (clearTimeout(timer), reject(request.error));
  });
}
