import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { CalendarDays, CircleCheck, Mail, Plug, UsersRound } from "lucide-react";
import { type ComponentType, type ReactNode, useState } from "react";
import { peopleApi } from "@/lib/adminApi";
import { sessionApi } from "@/lib/api";
import { serviceName } from "@/lib/approval";
import { comingDate } from "@/lib/countdown";
import { keys } from "@/lib/keys";
import { Problem } from "@/lib/problem";
import type { ConnectLinkView } from "@/lib/types";
import { GoogleMark } from "@/ui/GoogleMark";
import { Bone } from "@/ui/kit";
import { outcomeText } from "@/ui/Outcome";
import classes from "./auth.module.css";
import { FormProblem } from "./FormProblem";
import { Frame } from "./Frame";

/** Connects somebody's Google account by a link, without an account here. */
export function ConnectLinkPage() {
  const { token } = useParams({ from: "/connect/$token" });
  const { google, reason, reference } = useSearch({ from: "/connect/$token" });
  if (google === "connected" || google === "degraded") return <Done partly={google === "degraded"} />;
  return <Ask token={token} outcome={google} reason={reason} reference={reference} />;
}

/** The link is used up now; nothing of it can be read any more. */
function Done({ partly }: { partly: boolean }) {
  return (
    <Frame title="Your Google account is connected" lead="You are done. This page can be closed.">
      <p className={classes.good}>
        <CircleCheck size={18} />
        <span>
          {partly
            ? "Some boxes were left unticked on Google's page, and what they stand for is off. Without the one for reading mail, no mail is imported. Ask for another link to add it."
            : "The newest mail is being read first. You can take the permission back at any time, in your Google account under Security."}
        </span>
      </p>
    </Frame>
  );
}

interface AskProps {
  token: string;
  outcome?: string;
  reason?: string;
  reference?: string;
}

function Ask({ token, outcome, reason, reference }: AskProps) {
  const link = useQuery({
    queryKey: keys.connectLink(token),
    queryFn: ({ signal }) => peopleApi.linkView(token, signal),
    retry: false,
  });
  const [going, setGoing] = useState(false);
  if (link.isPending) {
    return (
      <Frame title="Connect Google" lead="One moment.">
        <div className={classes.form} role="status" aria-label="Loading">
          <Bone height={14} width="80%" />
          <Bone height={38} />
        </div>
      </Frame>
    );
  }
  if (!link.data) return <Spent error={link.error} />;
  const { workspace_name, email, services, expires_at, signed_in_as } = link.data;
  if (signed_in_as) return <SomebodyElse email={email} signedInAs={signed_in_as} signedOut={() => link.refetch()} />;
  const ended = outcome ? outcomeText(outcome, undefined, reason) : undefined;
  return (
    <Frame
      title="Connect your Google account"
      lead={
        <>
          <strong>{workspace_name}</strong> asks you to connect <strong>{email}</strong>. You sign in at Google and
          choose there what Rapport may see.
        </>
      }
      foot={`This link works once, until ${comingDate(expires_at)}. You need no password of ${workspace_name}.`}
    >
      {ended && (
        <div className={classes.problem} role="alert" data-tone={ended.tone}>
          <strong>{ended.title}</strong>
          <p>{ended.text}</p>
          {ended.causes && (
            <ul>
              {ended.causes.map((cause) => (
                <li key={cause}>{cause}</li>
              ))}
            </ul>
          )}
          {reference && <small>Reference {reference}</small>}
        </div>
      )}
      <Asked services={services} />
      <Button
        component="a"
        href={peopleApi.linkStartUrl(token)}
        variant="filled"
        size="md"
        fullWidth
        loading={going}
        leftSection={
          <span className={classes.mark}>
            <GoogleMark size={14} />
          </span>
        }
        onClick={() => setGoing(true)}
      >
        {ended ? "Try again at Google" : "Continue at Google"}
      </Button>
    </Frame>
  );
}

interface SomebodyElseProps {
  email: string;
  signedInAs: string;
  signedOut: () => unknown;
}

/** The link is for one person, and another one is signed in in this browser. */
function SomebodyElse({ email, signedInAs, signedOut }: SomebodyElseProps) {
  const signOut = useMutation({ mutationFn: sessionApi.signOut, onSuccess: signedOut });
  return (
    <Frame
      title="This link is for somebody else"
      lead={
        <>
          You are signed in here as <strong>{signedInAs}</strong>. The link was made for <strong>{email}</strong>, who
          opens it in a browser of their own. If that is you, sign out first.
        </>
      }
    >
      {signOut.error && <FormProblem error={signOut.error} />}
      <Button variant="filled" size="md" fullWidth loading={signOut.isPending} onClick={() => signOut.mutate()}>
        Sign out and go on
      </Button>
    </Frame>
  );
}

const known: Record<string, { icon: ComponentType<{ size?: number; strokeWidth?: number }>; text: string }> = {
  gmail: { icon: Mail, text: "Your mail, private to you until you share it" },
  calendar: { icon: CalendarDays, text: "Your calendars and meetings" },
  contacts: { icon: UsersRound, text: "The people in your Google Contacts" },
};

function Asked({ services }: Pick<ConnectLinkView, "services">): ReactNode {
  if (services.length === 0) return null;
  return (
    <ul className={classes.asked} aria-label="What is connected">
      {services.map((service) => {
        const { icon: Icon, text } = known[service] ?? { icon: Plug, text: "" };
        return (
          <li key={service}>
            <Icon size={16} strokeWidth={1.75} />
            <span>
              <strong>{serviceName(service)}</strong>
              {text && <span>{text}</span>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function Spent({ error }: { error: unknown }) {
  const gone = error instanceof Problem && (error.status === 404 || error.status === 410);
  return (
    <Frame
      title={gone ? "This link is no longer good" : "The link could not be opened"}
      lead={
        gone
          ? "It was used already, it was taken back, or its seven days are over. Ask whoever sent it for a new one. If you have connected with it, all is well."
          : "Try again in a moment."
      }
    >
      {!gone && <FormProblem error={error} />}
    </Frame>
  );
}
