// Package httpapi is the door through which browsers and programs come in: the
// JSON API under /api/v1 with its OpenAPI description, sign-in and sessions,
// the stream of live events, and the pages of the web application.
//
// routes.go is the table of contents: every operation with who may call it.
// Errors leave as RFC 9457 problems (problem.go), made from package fault in
// one place; text of unclassified errors never leaves, a reference number does.
package httpapi
