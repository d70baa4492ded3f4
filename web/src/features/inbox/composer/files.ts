/** The contents of files in base64, read once each. */
const read = new WeakMap<File, Promise<string>>();

export function base64(file: File): Promise<string> {
  let answer = read.get(file);
  if (!answer) {
    answer = new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
      reader.onerror = () => reject(new Error(`${file.name} could not be read.`));
      reader.readAsDataURL(file);
    });
    read.set(file, answer);
    answer.catch(() => read.delete(file));
  }
  return answer;
}
