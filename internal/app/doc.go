// Package app is the roof: it builds the whole program from its settings, says
// in corridors.go what follows from what, starts everything and stops it in
// good order. Nothing else knows every room and every door.
package app
