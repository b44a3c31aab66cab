// Cedar behind Node's own HTTP server, since Cedar brings none. As its documentation advises, the
// policies are parsed once, and a request carries only the entities that it is about.
// node cedar.mjs PORT FOLDER-OF-NODE-MODULES

import { createServer } from "node:http";
import { createRequire } from "node:module";

const [port, modules] = process.argv.slice(2);
const cedar = createRequire(`${modules}/`)("@cedar-policy/cedar-wasm/nodejs");

const policies = `
permit (principal, action == Action::"read", resource) when { resource in principal.organization };
permit (principal, action == Action::"reply", resource)
when { resource in principal.organization && principal.role != "guest" };
`;
const parsed = cedar.preparsePolicySet("law", { staticPolicies: policies });
if (parsed.type !== "success") throw new Error(JSON.stringify(parsed));

const uid = (type, id) => ({ type, id });

function decide({ user, role, organization, action, conversation, path }) {
  const home = { __entity: uid("Organization", organization) };
  const entities = path.map((id, level) => ({
    uid: uid("Organization", id),
    attrs: {},
    parents: level ? [uid("Organization", path[level - 1])] : [],
  }));
  const place = uid("Organization", path[path.length - 1]);
  entities.push({ uid: uid("Conversation", conversation), attrs: {}, parents: [place] });
  entities.push({ uid: uid("User", user), attrs: { role, organization: home }, parents: [] });
  const answer = cedar.statefulIsAuthorized({
    principal: uid("User", user),
    action: uid("Action", action),
    resource: uid("Conversation", conversation),
    context: {},
    preparsedPolicySetId: "law",
    entities,
  });
  return answer.type === "success" && answer.response.decision === "allow";
}

createServer((request, response) => {
  if (request.method !== "POST") return response.end();
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const answer = JSON.stringify(JSON.parse(Buffer.concat(parts)).map(decide));
    const headers = { "Content-Type": "application/json", "Content-Length": answer.length };
    response.writeHead(200, headers).end(answer);
  });
}).listen(Number(port), "127.0.0.1");
