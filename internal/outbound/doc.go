// Package outbound is the door to addresses that users give: it posts webhooks,
// signed, and goes nowhere it should not.
package outbound
