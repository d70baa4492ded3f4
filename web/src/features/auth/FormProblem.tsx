import { explain } from "@/lib/problem";
import classes from "./auth.module.css";

export function FormProblem({ error }: { error: unknown }) {
  if (!error) return null;
  const { message, reference } = explain(error);
  return (
    <div className={classes.problem} role="alert">
      {message}
      {reference && <small>Reference {reference}</small>}
    </div>
  );
}
