// A server on the official SDK that lets nobody in without a token: on streamable HTTP at /mcp, on the older transport at
// /sse. Tokens are looked at by the SDK's own middleware, and either asked about at the authorization server (RFC 7662) or
// verified by its keys.
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { introspect, startIssuer } from './issuers.mjs';

const require = createRequire(path.join(process.env.INTEROP_MODULES, '..', 'package.json'));
const { createRemoteJWKSet, jwtVerify } = await import(pathToFileURL(require.resolve('jose')));
const { InvalidTokenError } = require('@modelcontextprotocol/sdk/server/auth/errors.js');
const { requireBearerAuth } = require('@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js');
const {
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthMetadataRouter,
} = require('@modelcontextprotocol/sdk/server/auth/router.js');
const { createMcpExpressApp } = require('@modelcontextprotocol/sdk/server/express.js');
const { McpServer } = require('@modelcontextprotocol/sdk/server/mcp.js');
const { SSEServerTransport } = require('@modelcontextprotocol/sdk/server/sse.js');
const { StreamableHTTPServerTransport } = require('@modelcontextprotocol/sdk/server/streamableHttp.js');

/** What every token has to be good for. */
export const scope = 'notes';

/** Starts it with an authorization server of its own; both end with the test. `refused` counts the tokens it turned away. */
export async function startProtected(t, name, { way = 'http', format = 'opaque', ...settings } = {}) {
  const listener = http.createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => {
    listener.closeAllConnections();
    listener.close();
  });
  const url = new URL(`http://127.0.0.1:${listener.address().port}/${way === 'sse' ? 'sse' : 'mcp'}`);
  const issuer = await startIssuer(t, name, { resources: [url.href], format, ...settings });
  const app = createMcpExpressApp();
  app.use(mcpAuthMetadataRouter({ oauthMetadata: issuer.metadata, resourceServerUrl: url, scopesSupported: [scope] }));
  const server = { url: url.href, issuer, refused: 0 };
  const look = format === 'jwt' ? verified(issuer, url.href) : introspected(issuer);
  const verifyAccessToken = async (token) => {
    try {
      return await look(token);
    } catch (error) {
      server.refused += 1;
      throw error;
    }
  };
  const bearer = requireBearerAuth({
    verifier: { verifyAccessToken },
    requiredScopes: [scope],
    expectedResource: url,
    resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(url),
  });
  (way === 'sse' ? older : streamable)(app, bearer);
  listener.on('request', app);
  return server;
}

function information(token, { sub, client_id: clientId, scope: scopes, exp: expiresAt, aud }) {
  const resource = [aud].flat().at(0);
  return {
    token,
    clientId,
    scopes: scopes?.split(' ') ?? [],
    expiresAt,
    resource: resource && new URL(resource),
    extra: { subject: sub },
  };
}

function introspected(issuer) {
  return async (token) => {
    const told = await introspect(issuer, token);
    if (!told.active) throw new InvalidTokenError('The token is not active');
    return information(token, told);
  };
}

function verified({ metadata }, audience) {
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, { issuer: metadata.issuer, audience, typ: 'at+jwt' });
      return information(token, payload);
    } catch (error) {
      throw new InvalidTokenError(error.message);
    }
  };
}

/** Its one tool tells whom it takes the caller for, and by which token, as a hash. */
function notes() {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  server.registerTool('whoami', { description: 'Tells whom the token is for' }, ({ authInfo }) => {
    const token = createHash('sha256').update(authInfo.token).digest('base64url');
    const told = { subject: authInfo.extra.subject ?? authInfo.clientId, client: authInfo.clientId, token };
    return { content: [{ type: 'text', text: JSON.stringify(told) }] };
  });
  return server;
}

function streamable(app, bearer) {
  const sessions = new Map();
  app.all('/mcp', bearer, async (request, response) => {
    let transport = sessions.get(request.get('mcp-session-id'));
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      await notes().connect(transport);
    }
    await transport.handleRequest(request, response, request.body);
  });
}

function older(app, bearer) {
  const sessions = new Map();
  app.get('/sse', bearer, async (_, response) => {
    const transport = new SSEServerTransport('/messages', response);
    sessions.set(transport.sessionId, transport);
    await notes().connect(transport);
  });
  app.post('/messages', bearer, (request, response) =>
    sessions.get(request.query.sessionId).handlePostMessage(request, response, request.body),
  );
}
