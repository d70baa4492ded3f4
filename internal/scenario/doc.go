// Package scenario holds the whole-product tests of Gmail sync: the real store on both databases, the
// real vault, the real Google door and the mail room, talking over HTTP to the simulator.
//
// Three suites drive them step by step, without a runner and without sleeping:
//
//   - the crash suite kills the process at each call to Google and at each store write, and starts again;
//   - the fault suite lets each call fail in each way Google fails;
//   - the random machine mixes both with changes of the mailbox, clock jumps, expired history and two
//     workers, from a seed that is printed (RAPPORT_SEED sets it).
//
// Every one of them ends with the same question: does the store equal the mailbox?
//
// The package has no code outside its tests.
package scenario
