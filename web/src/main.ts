import { mount } from 'svelte';
import App from './App.svelte';
import { takeKey } from './lib/api/http';
import './styles/tokens.css';
import './styles/base.css';

takeKey();
mount(App, { target: document.getElementById('app')! });
