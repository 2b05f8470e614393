// Talking with the server's plain routes: JSON in, JSON out, errors with a remedy.

const BASE = new URL("../../api/", import.meta.url).pathname;

/** What the server said was wrong: `message` and `remedy` are sentences for people, `kind` is the error's name. `offline` is true when
 *  no server answered. */
export class ApiError extends Error {
  constructor(message, remedy = "", status = 0, kind = "") {
    super(message);
    this.remedy = remedy;
    this.status = status;
    this.kind = kind;
    this.offline = status === 0;
  }
}

export const page = { project: "", listeners: new Set() };

/** The address of a route with its query; `project` is added to every call. */
export function address(path, query = {}) {
  const url = new URL(BASE + path, location.origin);
  if (page.project) url.searchParams.set("project", page.project);
  for (const [key, value] of Object.entries(query))
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(key, value);
  return url.pathname + url.search;
}

/** The address of a file that the server names: either below the routes, or whole. */
export const fileAddress = (path) => (path.startsWith("/") ? path : address(path));

async function call(method, path, query, body, signal) {
  let response;
  try {
    response = await fetch(address(path, query), {
      method,
      signal,
      credentials: "same-origin",
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The Tagloom server does not answer.", "Is it still running? Nothing is lost; this page tries again by itself.");
  }
  let data = {};
  try {
    data = await response.json();
  } catch {
    if (response.ok) throw new ApiError("The server sent an answer that is not JSON.", "Reload the page.", response.status);
  }
  if (!response.ok)
    throw new ApiError(data.message || `The server answered ${response.status}.`, data.remedy || "", response.status, data.error);
  return data;
}

export const get = (path, query, signal) => call("GET", path, query, undefined, signal);
export const post = (path, body = {}, query) => call("POST", path, query, body);

/** Send one file's bytes; `progress` gets a share 0..1. Returns {upload, name, size}. */
export function upload(file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address("uploads", { name: file.name }));
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = (event) => event.lengthComputable && progress?.(event.loaded / event.total);
    request.onerror = () => reject(new ApiError("The upload broke off.", "Check that the server is running, then try again."));
    request.onload = () => {
      let data = {};
      try {
        data = JSON.parse(request.responseText);
      } catch {
        /* the status says enough */
      }
      if (request.status < 300) resolve(data);
      else reject(new ApiError(data.message || "The upload was refused.", data.remedy || "", request.status));
    };
    request.send(file);
  });
}
