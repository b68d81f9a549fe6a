import svelte from 'eslint-plugin-svelte'
import ts from 'typescript-eslint'

export default ts.config(
  { ignores: ['dist/**', 'release/**', '.cache/**', 'src/engine/kinds/generated/**', 'node_modules/**', 'docs/generated/**'] },
  ...ts.configs.recommended,
  ...svelte.configs['flat/recommended'],
  { files: ['**/*.svelte', '**/*.svelte.ts'], languageOptions: { parserOptions: { parser: ts.parser } } },
  {
    rules: {
      'max-lines': ['error', { max: 800, skipBlankLines: false, skipComments: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-control-regex': 'off',
      // Maps that a component only reads or keeps to itself need no reactivity.
      'svelte/prefer-svelte-reactivity': 'off',
    },
  },
  { files: ['**/*.test.ts', 'test/**'], rules: { 'max-lines': 'off' } },
  // Recordings are JSON of many forms.
  { files: ['test/oracles/**'], rules: { '@typescript-eslint/no-explicit-any': 'off' } },
)
