// "Try again": one caption of one track is written anew, as a job like any other, by the engine that wrote it before.

import { post } from "./api.js";
import { onJobs, poke } from "./jobs_feed.js";

const OVER = new Set(["done", "failed", "cancelled", "interrupted", "needs_key"]);

/** Start the job and wait until it is over. Resolves when it is done; throws {message, remedy} when it was not. */
export async function writeAgain(corpus, item, box) {
  const { job } = await post("captions/run", { corpus, styles: [box.style], only: "selected", ids: [item.id] });
  poke(job);
  const id = job.id ?? job;
  const end = await new Promise((resolve) => {
    const stop = onJobs((feed) => {
      const now = feed.jobs.find((each) => each.id === id);
      if (!now || !OVER.has(now.state)) return;
      queueMicrotask(() => stop());
      resolve(now);
    });
  });
  if (end.state !== "done") throw Object.assign(new Error(end.message || "The caption was not written."), { remedy: end.remedy || "Look into the jobs." });
}
