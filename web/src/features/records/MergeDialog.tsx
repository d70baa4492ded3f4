export default function MergeDialog(_: any) {
  return null;
}
