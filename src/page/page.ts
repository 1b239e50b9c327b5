import { html } from "htm/preact";
import { render } from "preact";
import { App } from "./app.ts";
import { connect } from "./connection.ts";
import "./page.css";
import { createStore } from "./store.ts";

const store = createStore();
connect(store);
render(html`<${App} store=${store} />`, document.body);
