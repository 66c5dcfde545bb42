import { testHalfOfTheLaws } from './laws-half.js';

testHalfOfTheLaws('second');
