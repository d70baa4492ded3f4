package main

import (
	"strings"

	"github.com/spf13/cobra"

	"rapport/internal/app"
)

func pubsubCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "pubsub", Short: "Gmail's notifications: how new mail is told of at once"}
	cmd.AddCommand(pubsubSetupCommand())
	return cmd
}

func pubsubSetupCommand() *cobra.Command {
	var wish app.PubSubWish
	var project string
	var push, pull bool
	cmd := &cobra.Command{
		Use: "setup", Short: "Make the Pub/Sub topic and subscription, or print the commands that do",
		Long: "Makes what Gmail's notifications need in Google Cloud: the topic, Gmail's right to publish to it, and the subscription. With a public https address (PUBLIC_URL) " +
			"the subscription posts to it, else Rapport pulls it. Doing it again changes nothing. Without credentials nothing is made: the gcloud commands are printed, ready to copy. " +
			"Either way it ends with the settings to start Rapport with.",
		Example: "  rapport pubsub setup --project acme-crm\n  rapport pubsub setup --project acme-crm --credentials key.json --pull",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if push && pull {
				return usage("choose one of --push and --pull")
			}
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			wish.Push = push || !pull && strings.HasPrefix(c.PublicURL, "https://")
			if wish, err = app.PubSubDefaults(c, wish, project); err != nil {
				return err
			}
			report, err := app.SetUpPubSub(cmd.Context(), c, version, wish)
			if err != nil {
				return err
			}
			return showPubSub(cmd, report, wish.Credentials != "")
		},
	}
	f := cmd.Flags()
	f.StringVar(&project, "project", "", "Google Cloud project of the OAuth client, where no topic is named")
	f.StringVar(&wish.Topic, "topic", "", "default: GOOGLE_PUBSUB_TOPIC, or gmail in the project")
	f.StringVar(&wish.Subscription, "subscription", "", "default: GOOGLE_PUBSUB_SUBSCRIPTION, or rapport in the project")
	f.StringVar(&wish.Account, "service-account", "", "account that pushes; default: GOOGLE_PUSH_SERVICE_ACCOUNT, or rapport-push in the project")
	f.StringVar(&wish.Credentials, "credentials", "", "key file of an account that may do it; default: GOOGLE_APPLICATION_CREDENTIALS")
	f.BoolVar(&push, "push", false, "Google posts to PUBLIC_URL")
	f.BoolVar(&pull, "pull", false, "Rapport pulls")
	jsonFlag(cmd)
	return cmd
}

func showPubSub(cmd *cobra.Command, r app.PubSubReport, done bool) error {
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), r)
	}
	if !done {
		say(cmd, "# There are no credentials (--credentials, GOOGLE_APPLICATION_CREDENTIALS), so nothing was made. These commands do it:")
	}
	for _, s := range r.Steps {
		switch {
		case !done:
			say(cmd, "%s", s.Command)
		case s.State == "todo":
			say(cmd, "by hand  %s: %s", s.What, s.Command)
		default:
			say(cmd, "%-8s %s", s.State, s.What)
		}
	}
	say(cmd, "\n# Then start Rapport with these settings:")
	for _, line := range r.Settings {
		say(cmd, "%s", line)
	}
	return nil
}
