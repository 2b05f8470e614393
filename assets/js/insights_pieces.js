// Small pieces of the Insights tab: a card with its question, what to do where nothing can be answered yet.

import { h } from "./dom.js";

export const card = (question, ...content) => h("section.tl-card.tl-in-card", { "aria-label": question }, h("h2", question), content);
export const teach = (title, words, ...more) => h("div.tl-in-teach", h("b", title), h("p.tl-meta", words), more);
export const button = (words, onclick) => h("button.tl-btn.tl-small", { onclick }, words);
export const stat = (value, words) => h("div.tl-stat", h("b", value), h("span.tl-meta", words));
