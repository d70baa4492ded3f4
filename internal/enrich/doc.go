// Package enrich fills records from what people write at the end of their mail.
//
// Engines read a message and say what stands in it: the rules (package signature),
// which work on this machine alone, and a model, where the workspace's administrators
// and the mailbox's owner allow one. What a model says counts only where it stands in
// the sender's own words, in a place where such a thing stands, and where it looks
// like what it is called (Screen).
//
// Every value that was seen is kept with its message and line, as a sighting. What
// becomes of it follows from all sightings of a field together (Settle):
//
//	the field says so already          confirmed
//	the field is empty                 applied
//	somebody typed another value       suggested
//	it is surer, or seen twice later   applied; what was there is superseded
//	else, and newer                    suggested
//	else                               superseded
//
// Somebody accepts a suggestion or dismisses it; what was dismissed is not suggested
// again. The outcome does not depend on the order in which messages are read (but that
// numbers which were taken stay), and reading them again changes nothing.
package enrich
