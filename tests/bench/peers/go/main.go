// The official Go SDK's server, arranged as its best-known OAuth tutorial does: a logging middleware around
// the MCP methods, one around HTTP, one for authorization, the metadata documents beside /mcp. The token is
// verified against the issuer's key set. PORT, ISSUER, JWKS_URI and AUDIENCE come from the environment.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type claims struct {
	jwt.RegisteredClaims
	Name  string `json:"name"`
	Scope string `json:"scope"`
}

type helloInput struct {
	Name string `json:"name,omitempty" jsonschema:"whom to greet"`
}

type noInput struct{}

func text(value string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: value}}}
}

func sayHello(_ context.Context, req *mcp.CallToolRequest, in helloInput) (*mcp.CallToolResult, any, error) {
	if in.Name == "" {
		in.Name = req.Extra.TokenInfo.Extra["name"].(string)
	}
	return text("Hello, " + in.Name + "!"), nil, nil
}

func whoami(_ context.Context, req *mcp.CallToolRequest, _ noInput) (*mcp.CallToolResult, any, error) {
	token := req.Extra.TokenInfo
	return text(fmt.Sprintf("%s %s", token.UserID, token.Scopes)), nil, nil
}

func progress(ctx context.Context, req *mcp.CallToolRequest, _ noInput) (*mcp.CallToolResult, any, error) {
	for done := 1; done <= 10; done++ {
		err := req.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{
			ProgressToken: req.Params.GetProgressToken(), Progress: float64(done), Total: 10,
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return text("Done."), nil, nil
}

func verifier(keys keyfunc.Keyfunc, issuer, audience string) auth.TokenVerifier {
	parser := jwt.NewParser(jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
		jwt.WithValidMethods([]string{"RS256"}))
	return func(_ context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
		var found claims
		if _, err := parser.ParseWithClaims(token, &found, keys.Keyfunc); err != nil {
			return nil, fmt.Errorf("%w: %w", auth.ErrInvalidToken, err)
		}
		return &auth.TokenInfo{UserID: found.Subject, Scopes: strings.Fields(found.Scope),
			Expiration: found.ExpiresAt.Time, Extra: map[string]any{"name": found.Name}}, nil
	}
}

func handleOauthProtectedResource(origin, issuer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"resource":                 origin + "/mcp",
			"authorization_servers":    []string{issuer},
			"scopes_supported":         []string{"openid", "email", "profile"},
			"bearer_methods_supported": []string{"header"},
		})
	}
}

func main() {
	port, issuer := os.Getenv("PORT"), os.Getenv("ISSUER")
	origin := "http://localhost:" + port
	keys, err := keyfunc.NewDefault([]string{os.Getenv("JWKS_URI")})
	if err != nil {
		log.Fatal(err)
	}
	server := mcp.NewServer(&mcp.Implementation{Name: "peer-go", Version: "1.0.0"}, nil)
	server.AddReceivingMiddleware(loggingMiddleware())
	mcp.AddTool(server, &mcp.Tool{Name: "sayHello", Description: "Returns a greeting."}, sayHello)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami", Description: "Tells who is signed in."}, whoami)
	mcp.AddTool(server, &mcp.Tool{Name: "progress", Description: "Reports its progress ten times."}, progress)
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)
	authMiddleware := auth.RequireBearerToken(verifier(keys, issuer, os.Getenv("AUDIENCE")),
		&auth.RequireBearerTokenOptions{ResourceMetadataURL: origin + "/.well-known/oauth-protected-resource"})

	rootRouter := http.NewServeMux()
	rootRouter.HandleFunc("GET /.well-known/oauth-protected-resource", handleOauthProtectedResource(origin, issuer))
	mux := http.NewServeMux()
	mux.Handle("/", loggingMiddlewareHTTP(rootRouter))
	mux.Handle("/mcp", loggingMiddlewareHTTP(authMiddleware(handler)))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, mux))
}
