import { Button, Modal } from "@mantine/core";
import { ExternalLink, Hourglass } from "lucide-react";
import { useState } from "react";
import { comingDate, left } from "@/lib/countdown";
import { exactDate } from "@/lib/format";
import type { Approval } from "@/lib/types";
import classes from "./admin.module.css";

/** An app in testing at Google loses every permission seven days after it was given. */
export function TestingNotice({ testing }: { testing: Approval["testing"] }) {
  const [how, setHow] = useState(false);
  if (!testing.detected) return null;
  const { countdown } = testing;
  const over = countdown !== null && new Date(countdown).getTime() <= Date.now();
  return (
    <section className={classes.notice} aria-label="Testing mode">
      <Hourglass size={18} />
      <div className={classes.grow}>
        <h2>
          {countdown && !over
            ? `Connections begin to end ${left(countdown)}`
            : "Connections end seven days after consent"}
        </h2>
        <p>
          This app is in testing at Google: permissions die seven days after they were given, and everybody has to
          connect again.{" "}
          {countdown && !over && (
            <>
              The first one ends{" "}
              <time dateTime={countdown} title={exactDate(countdown)}>
                {comingDate(countdown)}
              </time>
              .
            </>
          )}
        </p>
        {testing.evidence && <p className={classes.fine}>{testing.evidence}</p>}
      </div>
      <Button onClick={() => setHow(true)}>How to end this</Button>
      {how && <How onClose={() => setHow(false)} />}
    </section>
  );
}

const audience = "https://console.cloud.google.com/auth/audience";

function How({ onClose }: { onClose: () => void }) {
  return (
    <Modal
      opened
      size="lg"
      onClose={onClose}
      title="Take the app out of testing"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <div className={classes.ways}>
        <section>
          <h3>For your own organisation: make it internal</h3>
          <ol>
            <li>Open Google Cloud → Google Auth Platform → Audience, in the project of the OAuth client.</li>
            <li>Choose “Make internal”. The project has to belong to your Google Workspace organisation.</li>
            <li>Nothing has to be verified. Accounts outside your organisation cannot connect.</li>
          </ol>
        </section>
        <section>
          <h3>For accounts of several organisations: publish it</h3>
          <ol>
            <li>Open the same page and choose “Publish app”.</li>
            <li>
              Until Google has verified it, people see a warning before the consent, and at most 100 new people can
              connect. Permissions no longer die after seven days.
            </li>
            <li>Reading Gmail is a restricted permission: verification includes a security assessment.</li>
          </ol>
        </section>
        <section>
          <h3>Or: an administrator marks the app as trusted</h3>
          <p>
            In Google's Admin console under App access control. It lifts the seven days for the people of that
            organisation.
          </p>
        </section>
        <p className={classes.fine}>
          Permissions that were given before still end at their time. Whoever connects again afterwards stays connected.
        </p>
      </div>
      <Button
        component="a"
        variant="filled"
        href={audience}
        target="_blank"
        rel="noreferrer"
        rightSection={<ExternalLink size={13} />}
      >
        Open the Audience page
      </Button>
    </Modal>
  );
}
