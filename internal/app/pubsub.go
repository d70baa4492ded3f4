package app

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"rapport/internal/config"
	"rapport/internal/google"
)

// PubSubWish says how notifications of Gmail are to come in.
type PubSubWish struct {
	Topic        string `json:"topic"`
	Subscription string `json:"subscription"`
	Push         bool   `json:"push"` // else the subscription is pulled
	Endpoint     string `json:"endpoint,omitempty"`
	Account      string `json:"service_account,omitempty"` // that pushes
	Audience     string `json:"audience,omitempty"`
	Credentials  string `json:"-"` // file; empty: nothing is made, commands are given
}

// PubSubStep is one thing that has to be there.
type PubSubStep struct {
	What    string `json:"what"`
	State   string `json:"state"` // made, there, changed, todo
	Command string `json:"command"`
}

// PubSubReport says what was done, or is to be done by hand.
type PubSubReport struct {
	PubSubWish
	Steps    []PubSubStep `json:"steps"`
	Settings []string     `json:"settings"` // lines of the .env file
}

// PubSubDefaults fills what a wish leaves open from the settings. Where browsers
// reach us by https, Google can post to us.
func PubSubDefaults(c *config.Config, w PubSubWish, project string) (PubSubWish, error) {
	or := func(v *string, values ...string) {
		for _, x := range values {
			if *v == "" {
				*v = x
			}
		}
	}
	or(&w.Topic, c.PubSubTopic)
	if w.Topic == "" && project != "" {
		w.Topic = "projects/" + project + "/topics/gmail"
	}
	parts := strings.Split(w.Topic, "/")
	if len(parts) != 4 || parts[0] != "projects" || parts[2] != "topics" || !plainName.MatchString(w.Topic) {
		return w, trouble(WithConfiguration, nil, "say which topic: --topic projects/PROJECT/topics/gmail, or --project PROJECT, or GOOGLE_PUBSUB_TOPIC")
	}
	or(&w.Subscription, c.PubSubSubscription, "projects/"+parts[1]+"/subscriptions/rapport")
	if s := strings.Split(w.Subscription, "/"); len(s) != 4 || s[0] != "projects" || s[2] != "subscriptions" || !plainName.MatchString(w.Subscription) {
		return w, trouble(WithConfiguration, nil, "%q is not a subscription: it must look like projects/%s/subscriptions/rapport", w.Subscription, parts[1])
	}
	or(&w.Credentials, c.GoogleCredentials)
	if w.Push {
		or(&w.Endpoint, c.PushEndpoint())
		or(&w.Audience, c.Audience())
		or(&w.Account, c.PushAccount, "rapport-push@"+parts[1]+".iam.gserviceaccount.com")
		if !strings.HasPrefix(w.Endpoint, "https://") && c.GoogleBaseURL == "" {
			return w, trouble(WithConfiguration, nil, "Google posts to https addresses only, and PUBLIC_URL is %s: set it, or use --pull", c.PublicURL)
		}
	}
	return w, nil
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9/\-_.~+%:]+$`)

// SetUpPubSub makes topic, Gmail's right to publish to it, and the subscription,
// as far as they are not there; doing it again changes nothing. Without
// credentials it makes nothing and gives the commands.
func SetUpPubSub(ctx context.Context, c *config.Config, version string, w PubSubWish) (PubSubReport, error) {
	out := PubSubReport{PubSubWish: w, Steps: commands(w), Settings: settingsFor(w)}
	if w.Credentials == "" {
		return out, nil
	}
	door, err := openPubSub(w.Credentials, google.From(c.Endpoints()), time.Now, "Rapport/"+version)
	if err != nil {
		return out, err
	}
	done := func(what string, made, changed bool) {
		for i := range out.Steps {
			if s := &out.Steps[i]; s.What == what {
				switch {
				case made:
					s.State = "made"
				case changed:
					s.State = "changed"
				default:
					s.State = "there"
				}
			}
		}
	}
	made, err := door.EnsureTopic(ctx, w.Topic)
	if err != nil {
		return out, setUpTrouble(err, "the topic "+w.Topic, "roles/pubsub.editor")
	}
	done(stepTopic, made, false)
	if made, err = door.EnsurePublisher(ctx, w.Topic); err != nil {
		return out, setUpTrouble(err, "Gmail's right to publish to "+w.Topic, "roles/pubsub.admin")
	}
	done(stepPublisher, made, false)
	to := google.PushTo{}
	if w.Push {
		to = google.PushTo{Endpoint: w.Endpoint, Account: w.Account, Audience: w.Audience}
	}
	made, changed, err := door.EnsureSubscription(ctx, w.Subscription, w.Topic, to)
	if err != nil {
		return out, setUpTrouble(err, "the subscription "+w.Subscription, "roles/pubsub.editor, and roles/iam.serviceAccountUser for the account that pushes")
	}
	done(stepSubscription, made, changed)
	return out, nil
}

func setUpTrouble(err error, what, role string) error {
	return trouble(WithGoogle, err, "%s could not be made: %s The account of the credentials needs %s; without --credentials this command prints what to type instead.", what, plain(err), role)
}

const (
	stepAPIs         = "APIs"
	stepTopic        = "topic"
	stepPublisher    = "Gmail may publish"
	stepAccount      = "service account"
	stepSubscription = "subscription"
	stepSubscriber   = "Rapport may pull"
	stepKey          = "key file"
)

// commands are those of Google Cloud's own tool that do the same.
func commands(w PubSubWish) []PubSubStep {
	project := strings.Split(w.Topic, "/")[1]
	topic, subscription := lastPart(w.Topic), lastPart(w.Subscription)
	home := strings.Split(w.Subscription, "/")[1]
	todo := func(what, format string, args ...any) PubSubStep {
		return PubSubStep{What: what, State: "todo", Command: fmt.Sprintf(format, args...)}
	}
	steps := []PubSubStep{
		todo(stepAPIs, "gcloud services enable gmail.googleapis.com pubsub.googleapis.com --project=%s", project),
		todo(stepTopic, "gcloud pubsub topics create %s --project=%s", topic, project),
		todo(stepPublisher, "gcloud pubsub topics add-iam-policy-binding %s --project=%s --member=%s --role=roles/pubsub.publisher", topic, project, google.GmailPublisher),
	}
	create := fmt.Sprintf("gcloud pubsub subscriptions create %s --project=%s --topic=%s --ack-deadline=10 --message-retention-duration=1d --expiration-period=never", subscription, home, w.Topic)
	if w.Push {
		name, domain, _ := strings.Cut(w.Account, "@")
		if strings.HasSuffix(domain, ".iam.gserviceaccount.com") {
			steps = append(steps, todo(stepAccount, "gcloud iam service-accounts create %s --project=%s", name, strings.TrimSuffix(domain, ".iam.gserviceaccount.com")))
		}
		return append(steps, todo(stepSubscription, "%s --push-endpoint=%s --push-auth-service-account=%s --push-auth-token-audience=%s", create, w.Endpoint, w.Account, w.Audience))
	}
	reader := "rapport-pull@" + home + ".iam.gserviceaccount.com"
	return append(steps,
		todo(stepSubscription, "%s", create),
		todo(stepAccount, "gcloud iam service-accounts create rapport-pull --project=%s", home),
		todo(stepSubscriber, "gcloud pubsub subscriptions add-iam-policy-binding %s --project=%s --member=serviceAccount:%s --role=roles/pubsub.subscriber", subscription, home, reader),
		todo(stepKey, "gcloud iam service-accounts keys create rapport-pull.json --iam-account=%s", reader),
	)
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// settingsFor are the lines that Rapport has to be started with.
func settingsFor(w PubSubWish) []string {
	out := []string{"GOOGLE_PUBSUB_TOPIC=" + w.Topic}
	if w.Push {
		return append(out, "GOOGLE_PUSH_SERVICE_ACCOUNT="+w.Account, "GOOGLE_PUSH_AUDIENCE="+w.Audience)
	}
	key := w.Credentials
	if key == "" {
		key = "rapport-pull.json"
	}
	return append(out, "GOOGLE_PUBSUB_SUBSCRIPTION="+w.Subscription, "GOOGLE_APPLICATION_CREDENTIALS="+key)
}
