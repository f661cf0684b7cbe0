"""FastMCP's server, which verifies tokens against the issuer's key set.

PORT, ISSUER, JWKS_URI and AUDIENCE come from the environment."""

import json
import os

from fastmcp import Context, FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token

port = int(os.environ["PORT"])
issuer = os.environ["ISSUER"]
verifier = JWTVerifier(
    jwks_uri=os.environ["JWKS_URI"],
    issuer=issuer,
    audience=os.environ["AUDIENCE"],
    algorithm="RS256",
)
server = FastMCP(
    "peer-python",
    auth=RemoteAuthProvider(
        token_verifier=verifier,
        authorization_servers=[issuer],
        base_url=f"http://localhost:{port}",
    ),
)


@server.tool(name="sayHello")
def say_hello(name: str | None = None) -> str:
    """Returns a greeting."""
    return f"Hello, {name or get_access_token().claims['name']}!"


@server.tool
def whoami() -> str:
    """Tells who is signed in."""
    token = get_access_token()
    return json.dumps({"subject": token.claims["sub"], "scopes": token.scopes})


@server.tool
async def progress(context: Context) -> str:
    """Reports its progress ten times."""
    for done in range(1, 11):
        await context.report_progress(done, 10)
    return "Done."


server.run(transport="http", host="127.0.0.1", port=port, path="/mcp", show_banner=False)
