package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/vault"
)

// What doctor looks at for notifications: Gmail's topic, and the way from
// outside to here.

func (x *examination) outside() []link {
	return []link{
		{"pubsub_topic", "Pub/Sub topic", []string{"grants"}, x.topic},
		{"push_endpoint", "Reachable from outside", []string{"public_address"}, x.reachable},
		{"model", "Model that reads signatures", []string{"database", "encryption_key"}, x.model},
	}
}

const (
	topicsPage     = "https://console.cloud.google.com/cloudpubsub/topic/list"
	gmailPublisher = "gmail-api-push@system.gserviceaccount.com"
)

// topic begins to watch a mailbox, which makes Gmail publish a test message, and
// stops at once. Gmail lets one watch live for each mailbox and project: where
// another one does, it is left alone.
func (x *examination) topic(ctx context.Context) Finding {
	name := x.config.PubSubTopic
	if name == "" {
		return skipped("GOOGLE_PUBSUB_TOPIC is not set: mailboxes are looked at every minute instead.")
	}
	l, _, ok := x.grantFor(ctx, product{calls: []productCall{{scopes: []string{vault.ScopeGmailMetadata}}}})
	if !ok {
		return skipped("Nobody who is connected has allowed Gmail.")
	}
	// A mailbox that Rapport watches keeps its watch: trying has renewed it.
	watched, err := x.app.Store.WatchShared(ctx, crm.Connection{GoogleSub: l.grant.GoogleSub}, name)
	if err != nil {
		return warned("Try again.", "Whether the mailbox is watched could not be read: %s", lastWord(err))
	}
	root := x.root(crm.ServiceGmail) + "gmail/v1/users/me/"
	answer, err := x.call(ctx, http.MethodPost, root+"watch", l.token, strings.NewReader(`{"topicName":`+quoted(name)+`,"labelIds":["INBOX"]}`))
	if err != nil {
		if !watched { // the request may have arrived: a watch must not stay behind
			x.unwatch(ctx, root, l.token)
		}
		return warned("Try again.", "Gmail does not answer: %s", lastWord(err))
	}
	says := string(answer.body)
	project := strings.Split(name, "/")[1]
	switch {
	case answer.status == http.StatusOK:
		if !watched && !x.unwatch(ctx, root, l.token) {
			return warned("Nothing: it ends by itself within seven days.", "Gmail may publish to %s, but the watch that tried it could not be stopped.", name)
		}
		return good("Gmail may publish to %s.", name)
	case strings.Contains(says, "Only one user push notification client"):
		return warned("Stop the other program, or let it be.", "The mailbox that was tried is watched with another topic than %s.", name)
	case answer.status == http.StatusNotFound:
		return at(topicsPage+"?project="+project, broken("Make the topic: gcloud pubsub topics create "+name, "There is no topic %s.", name))
	case answer.status == http.StatusBadRequest && strings.Contains(says, "topicName"):
		return at(topicsPage, broken("Make a topic in the project of the OAuth client, and set GOOGLE_PUBSUB_TOPIC to it.", "The topic %s is not in the Google Cloud project of the OAuth client.", name))
	case answer.status == http.StatusForbidden && strings.Contains(says, "not authorized"):
		return at(topicsPage+"?project="+project, broken("Let Gmail publish: gcloud pubsub topics add-iam-policy-binding "+name+" --member=serviceAccount:"+gmailPublisher+" --role=roles/pubsub.publisher",
			"Gmail may not publish to %s.", name))
	}
	return warned("Try again later.", "Gmail answered %d when it was asked to watch a mailbox.", answer.status)
}

func quoted(s string) string {
	b, _ := json.Marshal(s) // a string always can be
	return string(b)
}

// unwatch ends the watch, also when whoever asked has gone.
func (x *examination) unwatch(ctx context.Context, root string, token crm.Secret) bool {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), doctorAsk)
	defer cancel()
	for range 2 {
		if answer, err := x.call(own, http.MethodPost, root+"stop", token, nil); err == nil && answer.status/100 == 2 {
			return true
		}
	}
	return false
}

// reachable asks our own public address for the sign of life that Google's
// notifications need to get through to.
func (x *examination) reachable(ctx context.Context) Finding {
	u, err := url.Parse(x.config.PublicURL)
	if err != nil {
		return broken("Correct PUBLIC_URL.", "%s is not an address.", x.config.PublicURL)
	}
	if _, local := hostOf(u); local {
		return skipped("%s is this machine's own: Google cannot send notifications, and mailboxes are looked at every minute instead.", x.config.PublicURL)
	}
	const fix = "Let the name's DNS entry, the certificate and the proxy lead to this server; start `rapport serve`."
	began := time.Now()
	answer, err := x.ask(ctx, http.MethodGet, x.config.PublicURL+"/health", nil)
	if err != nil {
		return broken(fix, "%s cannot be reached from this machine: %s", x.config.PublicURL, lastWord(err))
	}
	var says struct{ Status, Version string }
	if json.Unmarshal(answer.body, &says) != nil || answer.status != http.StatusOK || says.Status != "ok" || says.Version == "" {
		return broken(fix, "%s is answered by something else than Rapport (status %d).", x.config.PublicURL, answer.status)
	}
	return good("%s leads here (%s).", x.config.PublicURL, time.Since(began).Round(time.Millisecond))
}
