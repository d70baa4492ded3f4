// Package data invents the mail of the simulated world: people, companies in
// many countries, and the messages they exchange. Everything follows from a
// seed: a message is named by a Key of a few bytes and written out when
// somebody looks at it, so that a mailbox of a million messages costs the
// memory of a million keys.
//
// Nobody and nothing here exists: names are combined from lists, companies are
// made up, domains end in ".example", addresses of machines are from the
// documentation ranges, and telephone numbers are, where a country has such a
// range, those set aside for fiction.
package data
