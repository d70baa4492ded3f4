import { Button, Modal } from "@mantine/core";
import { Mail } from "lucide-react";
import { useSession } from "@/app/session";
import { comingDate } from "@/lib/countdown";
import { plural } from "@/lib/format";
import { displayName } from "@/lib/people";
import type { CreatedConnectLink } from "@/lib/types";
import { DialogFoot } from "@/ui/Confirm";
import { CopyButton, CopyWords } from "@/ui/Copy";
import { Person } from "@/ui/kit";
import classes from "./admin.module.css";
import { mailto } from "./InviteDialog";
import { Once } from "./parts";

/** New connect links, this one time. */
export function LinksMade({ links, onClose }: { links: CreatedConnectLink[]; onClose: () => void }) {
  const { workspace, user } = useSession();
  const one = links.length === 1;
  const until = links[0]?.expires_at;
  return (
    <Modal
      opened
      size="lg"
      onClose={onClose}
      title={one ? "Send this link" : `Send these ${links.length} links`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <p className={classes.soft}>
        Whoever opens {one ? "it" : "one"} connects {one ? "their" : "the named person's"} Google account with one
        button, without signing in here. {one ? "It works" : "Each works"} once
        {until && `, until ${comingDate(until)}`}.
      </p>
      <Once note="They are not shown again. Lost ones can be revoked and made anew.">
        <ul className={classes.links}>
          {links.map((link) => (
            <li key={link.id}>
              <div className={classes.linkWho}>
                <Person name={link.name} email={link.email} />
                <Button
                  component="a"
                  size="xs"
                  variant="subtle"
                  leftSection={<Mail size={13} />}
                  aria-label={`Write to ${displayName(link.name, link.email)}`}
                  href={mailto(
                    link.email,
                    `Connect your Google account to ${workspace.name}`,
                    letter(link, workspace.name, user.name || user.email),
                  )}
                >
                  Write
                </Button>
                <CopyButton text={link.url} what={`the link of ${displayName(link.name, link.email)}`} />
              </div>
              <code>{link.url}</code>
            </li>
          ))}
        </ul>
      </Once>
      <DialogFoot>
        {!one && (
          <CopyWords text={links.map((l) => `${l.email}\t${l.url}`).join("\n")}>
            Copy all {plural(links.length, "link")}
          </CopyWords>
        )}
        <Button variant="filled" onClick={onClose}>
          Done
        </Button>
      </DialogFoot>
    </Modal>
  );
}

export function letter(link: CreatedConnectLink, workspace: string, from: string): string {
  return [
    `Hello${link.name ? ` ${link.name.split(" ")[0]}` : ""},`,
    "",
    `please connect your Google account to ${workspace}. Open this link and press the button; you need no password of ours.`,
    `It works once, until ${comingDate(link.expires_at)}.`,
    "",
    link.url,
    "",
    from,
  ].join("\n");
}
