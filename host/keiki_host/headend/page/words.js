// What the page says, in Japanese and English: one row for each text.

const WORDS = {
  head_end: ["ヘッドエンド", "head-end"],
  skip: ["本文へ", "Skip to content"],
  nav: ["ページ", "Pages"],
  leave: ["ログアウト", "Sign out"],
  not_for_billing: ["検定を受けていない計器です。取引・証明には使えません。", "Not a verified meter: not for billing."],
  token: ["アクセストークン", "Access token"],
  enter: ["ログイン", "Sign in"],
  token_hint: ["`keiki headend token make` で作ります。この画面を閉じると消えます。", "Made by `keiki headend token make`. Forgotten when this page is closed."],
  values: ["電力量", "Energy"],
  fleet: ["計器一覧・KPI", "Fleet"],
  orders: ["操作", "Commands"],
  trail: ["監査記録", "Trail"],
  files: ["Cルート", "C-route files"],
  point: ["供給地点", "Supply point"],
  date: ["日付", "Day"],
  month: ["月", "Month"],
  show: ["表示", "Show"],
  previous: ["前日", "Previous day"],
  next: ["翌日", "Next day"],
  import: ["買電", "Import"],
  export: ["売電", "Export"],
  missing: ["欠測", "Missing"],
  estimated: ["推定値", "Estimated"],
  suspect: ["要確認", "Suspect"],
  invalid: ["無効", "Invalid"],
  valid: ["正常", "Valid"],
  power_now: ["直近30分の平均電力", "Mean power, last half hour"],
  ago: ["分前まで", "min ago"],
  half_hours: ["30分値", "Half-hour values"],
  time: ["時刻", "Time"],
  quality: ["品質", "Quality"],
  as_table: ["表で見る", "As a table"],
  area: ["エリア", "Area"],
  connection: ["通信接続率", "Connected"],
  within_30: ["30分以内収集率", "Within 30 min"],
  within_60: ["60分以内収集率", "Within 60 min"],
  within_48h: ["48時間以内収集率", "Within 48 h"],
  reading: ["自動検針率", "Automatic reading"],
  settings: ["遠隔設定成功率", "Remote settings"],
  misses: ["未達の計器", "Misses"],
  no_misses: ["ありません", "None"],
  meter: ["計器", "Meter"],
  slot: ["時限", "Slot"],
  arrived: ["到着", "Arrived"],
  detail: ["内容", "Detail"],
  meters: ["登録計器", "Meters"],
  installed: ["設置済み", "Installed"],
  verifications_due: ["検満が近い計器", "Verification due"],
  commands_waiting: ["実行待ちの操作", "Commands waiting"],
  rating: ["定格", "Rating"],
  verified: ["検定", "Verified"],
  verification_ends: ["検満", "Verification ends"],
  installation_type: ["設置形態", "Installation type"],
  system_title: ["システムタイトル", "System title"],
  clock: ["時計のずれ", "Clock offset"],
  events: ["イベント", "Events"],
  log: ["ログ", "Log"],
  code: ["コード", "Code"],
  kind: ["操作", "Command"],
  ask: ["依頼する", "Ask"],
  sure: ["この計器を操作します。よろしいですか？", "This acts on the meter. Go on?"],
  switch_open: ["開閉器を開く（停電します）", "Open the switch (the house goes dark)"],
  switch_close: ["開閉器を閉じる", "Close the switch"],
  limit: ["契約アンペア", "Contract ampere"],
  set_clock: ["時刻を合わせる", "Set the clock"],
  read: ["今すぐ検針", "Read now"],
  state: ["状態", "State"],
  asked: ["依頼", "Asked"],
  result: ["結果", "Result"],
  who: ["誰が", "Who"],
  action: ["行為", "Action"],
  subject: ["対象", "Subject"],
  outcome: ["成否", "Outcome"],
  cancel: ["取消", "Take back"],
  rows: ["件数", "Rows"],
  latest: ["最大遅れ", "Longest delay"],
  name: ["名前", "Name"],
  denied: ["許可されていません", "Not allowed"],
  unknown_token: ["トークンが無効です", "This token is not valid"],
  failed: ["取得できませんでした", "It did not work"],
  nothing: ["データがありません", "Nothing to show"],
  total: ["合計", "Total"],
  days: ["日ごと", "Days of the month"],
};

let language = localStorage.getItem("language") === "en" ? 1 : 0;

export const word = (key) => (WORDS[key] ? WORDS[key][language] : key);
export const isJapanese = () => language === 0;

export function switchLanguage() {
  language = 1 - language;
  localStorage.setItem("language", language ? "en" : "ja");
}

// Fill every element that names its text.
export function say(root) {
  document.documentElement.lang = isJapanese() ? "ja" : "en";
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", word(element.dataset.label));
}

export const kwh = (wh) => (wh === null ? "-" : `${(wh / 1000).toLocaleString(document.documentElement.lang, { minimumFractionDigits: 3 })} kWh`);
