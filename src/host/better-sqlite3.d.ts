/** The package ships no types; database.ts says which of it we use. */
declare module 'better-sqlite3' {
  const Database: unknown
  export default Database
}
