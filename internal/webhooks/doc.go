// Package webhooks is the room of what is told to other programs: endpoints,
// what they are sent, and the log of it.
//
// Rules:
//   - A delivery is a row made from a fact, at least once and never twice: its id
//     follows from the fact, the endpoint and the object. The id is the webhook-id
//     and stays over every try.
//   - A delivery holds ids and counts. What is sent is read when it is sent, through
//     the one rule of who sees how much of whose mail, for the endpoint's audience;
//     what the audience does not see any more is withheld.
//   - Deliveries of an endpoint about one object go one after the other; different
//     objects and different endpoints do not wait for each other.
//   - How a failure goes on is decided in policy.go and nowhere else.
package webhooks
