package main

import (
	"context"
	"log"
	"net/http"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func loggingMiddleware() mcp.Middleware {
	return func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			session := req.GetSession().ID()
			log.Printf("[REQUEST] Session: %s | Method: %s", session, method)
			start := time.Now()
			result, err := next(ctx, method, req)
			status := "OK"
			if err != nil {
				status = "ERROR"
			}
			log.Printf("[RESPONSE] Session: %s | Method: %s | Status: %s | Duration: %v", session, method, status,
				time.Since(start))
			return result, err
		}
	}
}

func loggingMiddlewareHTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Printf("[HTTP REQUEST] Method: %s | Path: %s | RemoteAddr: %s", r.Method, r.URL.Path, r.RemoteAddr)
		start := time.Now()
		next.ServeHTTP(w, r)
		log.Printf("[HTTP RESPONSE] Method: %s | Path: %s | Duration: %v", r.Method, r.URL.Path, time.Since(start))
	})
}
